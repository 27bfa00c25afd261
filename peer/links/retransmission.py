"""Fast retransmission once for each loss, which aiortc 1.16 does not keep to (RFC 9260 section 7.2.4).

aiortc goes on counting the gaps that are reported against a chunk after it was sent anew. Those tell of what
was sent before that, and come for a whole round trip: where a router's queue grows, that is long, and a chunk
was sent ten times, for which the queue dropped others.
"""

from __future__ import annotations

from aiortc import RTCSctpTransport
from aiortc.rtcsctptransport import Chunk, DataChunk, SackChunk
from aiortc.utils import uint32_add, uint32_gte


def bound_retransmission(sctp: RTCSctpTransport) -> None:
    """Have gaps count against a chunk that was sent anew only when something that was sent later has come."""
    send, receive = sctp._send_chunk, sctp._receive_sack_chunk
    behind: dict[int, int] = {}  # TSN of a chunk that was sent anew -> the last that had been sent before

    async def send_chunk(chunk: Chunk) -> None:
        if isinstance(chunk, DataChunk) and chunk._sent_count > 1:
            behind[chunk.tsn] = sctp._sent_queue[-1].tsn
        await send(chunk)

    async def receive_sack(chunk: SackChunk) -> None:
        if behind:
            _excuse(sctp, behind, chunk)
        await receive(chunk)

    sctp._send_chunk = send_chunk  # type: ignore[method-assign]
    sctp._receive_sack_chunk = receive_sack  # type: ignore[method-assign]


def _excuse(sctp: RTCSctpTransport, behind: dict[int, int], sack: SackChunk) -> None:
    newest = uint32_add(sack.cumulative_tsn, sack.gaps[-1][1] if sack.gaps else 0)
    for chunk in sctp._sent_queue:
        last = behind.get(chunk.tsn)
        if last is not None and uint32_gte(last, newest):
            chunk._misses = -1  # this report makes it none
    for tsn in [tsn for tsn in behind if uint32_gte(sack.cumulative_tsn, tsn)]:
        del behind[tsn]
