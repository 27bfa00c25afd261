"""What aiortc sends anew, with our bound on it; packets are acknowledged as a slow way would do it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiortc import RTCPeerConnection, RTCSctpTransport
from aiortc.rtcsctptransport import Chunk, DataChunk, SackChunk

from peer.links.retransmission import bound_retransmission

pytestmark = pytest.mark.asyncio
BURST = 12


class Way:
    """A way for packets that were sent: some are acknowledged, the first never."""

    def __init__(self, sctp: RTCSctpTransport) -> None:
        self.sctp = sctp
        self.first = sctp._local_tsn
        self.sent: list[int] = []
        sctp._association_state = RTCSctpTransport.State.ESTABLISHED
        sctp._ssthresh = sctp._cwnd = 1_000_000
        sctp._last_sacked_tsn = self.first - 1
        sctp._send_chunk = self._carry  # type: ignore[method-assign]
        bound_retransmission(sctp)

    async def _carry(self, chunk: Chunk) -> None:
        if isinstance(chunk, DataChunk):
            self.sent.append(chunk.tsn - self.first)

    async def burst(self) -> None:
        for _ in range(BURST):
            await self.sctp._send(0, 53, b"block", ordered=False)

    async def acknowledge(self, last: int, lacking: int = 0) -> None:
        """All up to the packet number `last` has come but the packet `lacking`."""
        sack = SackChunk()
        sack.cumulative_tsn = self.first + lacking - 1
        sack.advertised_rwnd = 1_000_000
        sack.gaps = [(2, last - lacking + 1)] if last > lacking else []
        await self.sctp._receive_sack_chunk(sack)


@pytest_asyncio.fixture
async def way() -> AsyncIterator[Way]:
    connection = RTCPeerConnection()
    connection.createDataChannel("blocks")
    assert connection.sctp is not None
    connection.sctp._local_tsn = 1000
    yield Way(connection.sctp)
    connection.sctp._t3_cancel()
    await connection.close()


async def test_a_lost_packet_is_sent_anew_once_while_acknowledgements_of_older_ones_come(way: Way) -> None:
    await way.burst()
    for number in range(1, BURST):
        await way.acknowledge(number)
    assert way.sent.count(0) == 2


async def test_a_packet_that_is_lost_twice_is_sent_anew_when_later_ones_have_come(way: Way) -> None:
    for begin in (0, BURST):
        await way.burst()
        for number in range(begin, begin + BURST):
            await way.acknowledge(number)
    assert way.sent.count(0) == 3


async def test_what_came_after_all_is_forgotten_and_the_next_loss_counts_anew(way: Way) -> None:
    await way.burst()
    for number in range(1, BURST):
        await way.acknowledge(number)
    await way.acknowledge(BURST, lacking=BURST)
    await way.burst()
    for number in range(BURST + 1, 2 * BURST):
        await way.acknowledge(number, lacking=BURST)
    assert [way.sent.count(number) for number in (0, BURST, BURST + 1)] == [2, 2, 1]
