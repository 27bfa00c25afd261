"""Links by aiortc over real sockets: messages, what ends a link, and that nothing of it remains."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiortc import RTCSctpTransport

from peer.core.link_actions import BAD_BLOCK, FAILED, LOST, PROTOCOL_ERROR
from peer.identity import Identity
from peer.links.handshake import CheckedDescription, Handshake
from peer.links.link import Channel, Link
from peer.links.session import Phase, hello
from peer.links.webrtc import CANDIDATE_LIMIT, WebRtcLink, WebRtcLinks
from peer.wire import BLOCK, MAX_MESSAGE, TOO_LARGE
from signaling.protocol import (
    Answer,
    IceServer,
    Offer,
    RelayedAnswer,
    RelayedCandidate,
    RelayedOffer,
)

pytestmark = pytest.mark.asyncio

CONTROL_TYPE = 0x7F  # a type that no version knows: links pass it on
PATIENCE = 20.0


class Diary:
    """Link events; `wait` returns when a condition on them holds."""

    def __init__(self) -> None:
        self.opened_count = 0
        self.messages: list[tuple[bytes, Channel]] = []
        self.drained_channels: list[Channel] = []
        self.reasons: list[str] = []
        self._changed = asyncio.Event()

    def opened(self, link: Link) -> None:
        self.opened_count += 1
        self._changed.set()

    def message(self, link: Link, data: bytes, channel: Channel) -> None:
        self.messages.append((data, channel))
        self._changed.set()

    def drained(self, link: Link, channel: Channel) -> None:
        self.drained_channels.append(channel)
        self._changed.set()

    def closed(self, link: Link, reason: str) -> None:
        self.reasons.append(reason)
        self._changed.set()

    async def wait(self, condition: Callable[[Diary], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()


class Side:
    """A peer that answers every offer; `inbox` sees, and may change, what is signaled to it."""

    def __init__(self, seed: int) -> None:
        self.identity = Identity(bytes([seed]) * 32)
        self.handshake = Handshake(self.identity, "demo", bytes([seed]) * 16)
        self.links = WebRtcLinks(self.handshake, self._signal, hello("test"))
        self.diary = Diary()
        self.other: Side
        self.link: WebRtcLink | None = None
        self.answers = 0
        self.refused_answers = 0
        self.tamper: Callable[[Any], list[Any]] = lambda message: [message]
        self.signaled = asyncio.Event()

    @property
    def id(self) -> bytes:
        return self.identity.id

    def connect(self, connection: bytes = b"\x01" * 8) -> WebRtcLink:
        self.link = self.links.connect(self.other.id, self.other.handshake.nonce, connection, self.diary)
        return self.link

    def _signal(self, message: Offer | Answer) -> None:
        self.signaled.set()
        fields = {name: getattr(message, name) for name in ("connection", "key", "nonce", "sdp", "signature")}
        relayed: RelayedOffer | RelayedAnswer
        if isinstance(message, Offer):
            relayed = RelayedOffer(sender=self.id.hex(), **fields)
        else:
            relayed = RelayedAnswer(sender=self.id.hex(), **fields)
        for each in self.tamper(relayed):
            self.other._take(each)

    def _take(self, message: RelayedOffer | RelayedAnswer | RelayedCandidate) -> None:
        if isinstance(message, RelayedOffer):
            checked: CheckedDescription = self.handshake.check_offer(message)
            self.link = self.links.accept(checked, self.diary)
        elif self.link is not None and isinstance(message, RelayedCandidate):
            self.link.take_candidate(message)
        elif self.link is not None and isinstance(message, RelayedAnswer):
            taken = self.link.take_answer(message)
            self.answers += taken
            self.refused_answers += not taken


class Two:
    def __init__(self) -> None:
        self.a, self.b = Side(1), Side(2)
        self.a.other, self.b.other = self.b, self.a

    async def open(self) -> tuple[WebRtcLink, WebRtcLink]:
        a = self.a.connect()
        await self.a.diary.wait(lambda diary: diary.opened_count)
        await self.b.diary.wait(lambda diary: diary.opened_count)
        assert self.b.link is not None
        return a, self.b.link

    async def close(self) -> None:
        await asyncio.gather(self.a.links.close(), self.b.links.close())


@pytest_asyncio.fixture
async def two() -> AsyncIterator[Two]:
    pair = Two()
    yield pair
    await pair.close()


def message(size: int, channel: Channel) -> bytes:
    kind = BLOCK if channel == "blocks" else CONTROL_TYPE
    return bytes([kind]) + os.urandom(size - 1)


async def test_messages_of_every_size_go_both_ways_on_both_channels(two: Two) -> None:
    a, b = await two.open()
    sizes = [1, 2, 1200, 16384, 16700, 65535, 65536]
    for link, diary in ((a, two.b.diary), (b, two.a.diary)):
        expected: list[tuple[bytes, Channel]] = []
        channels: tuple[Channel, Channel] = ("control", "blocks")
        for channel in channels:
            for size in sizes:
                expected.append((message(size, channel), channel))
                assert link.send(*expected[-1])
        await diary.wait(lambda diary: len(diary.messages) >= 2 * len(sizes))
        assert [each for each in diary.messages if each[1] == "control"] == expected[: len(sizes)]
        assert sorted(diary.messages) == sorted(expected)
    assert a.sent_bytes == b.received_bytes
    assert b.sent_bytes == a.received_bytes
    assert a.sent_bytes["blocks"] == sum(sizes)


async def test_bye_reaches_the_other_side(two: Two) -> None:
    a, _ = await two.open()
    a.send(message(60000, "control"), "control")
    a.close(BAD_BLOCK)
    await two.b.diary.wait(lambda diary: diary.reasons)
    assert two.b.diary.reasons == [BAD_BLOCK]
    assert len(two.b.diary.messages) == 1
    assert two.a.diary.reasons == []


async def test_bye_is_not_cut_off_from_what_waits_before_it(two: Two) -> None:
    a, _ = await two.open()
    sent = 0
    while a.send(message(60000, "control"), "control"):
        sent += 1
    assert sent > 10
    a.close(BAD_BLOCK)
    await two.b.diary.wait(lambda diary: diary.reasons)
    assert two.b.diary.reasons == [BAD_BLOCK]
    assert len(two.b.diary.messages) == sent


async def test_buffer_fills_is_told_drained_and_loses_nothing(two: Two) -> None:
    a, _ = await two.open()
    sent = 0
    while a.send(message(MAX_MESSAGE, "blocks"), "blocks"):
        sent += 1
    assert a.buffered("blocks") > 7 * 1024 * 1024
    await two.a.diary.wait(lambda diary: diary.drained_channels)
    await two.b.diary.wait(lambda diary: len(diary.messages) >= sent)
    assert a.buffered("blocks") == 0
    assert two.a.diary.drained_channels == ["blocks"]


async def test_message_beyond_the_limit_ends_the_link_with_error_3(two: Two) -> None:
    a, b = await two.open()
    sctp = a._transport.sctp
    assert sctp is not None
    assert sctp._remote_max_message_size == MAX_MESSAGE
    sctp._remote_max_message_size = 0
    a._channels["blocks"].send(message(MAX_MESSAGE + 1, "blocks"))
    await two.b.diary.wait(lambda diary: diary.reasons)
    await two.a.diary.wait(lambda diary: diary.reasons)
    assert two.b.diary.reasons == two.a.diary.reasons == [PROTOCOL_ERROR]
    assert two.b.diary.messages == []
    assert a.error == b.error
    assert a.error is not None
    assert a.error[0] == TOO_LARGE


async def test_message_that_never_ends_is_cut_short(two: Two) -> None:
    """An attacker's message of 64 MiB would otherwise be kept until its last byte."""
    a, b = await two.open()
    sctp: RTCSctpTransport | None = a._transport.sctp
    assert sctp is not None
    sctp._remote_max_message_size = 0
    a._channels["blocks"].send(bytes(64 * 1024 * 1024))
    await two.b.diary.wait(lambda diary: diary.reasons)
    assert two.b.diary.reasons == [PROTOCOL_ERROR]
    assert b.error is not None
    assert b.error[0] == TOO_LARGE
    assert b._transport.sctp is not None
    waiting = sum(
        len(chunk.user_data)
        for stream in b._transport.sctp._inbound_streams.values()
        for chunk in stream.reassembly
    )
    assert waiting < 2 * 1024 * 1024


async def test_forged_answer_does_not_keep_the_true_one_out(two: Two) -> None:
    def forge(answer: RelayedAnswer) -> list[RelayedAnswer]:
        changed = answer.sdp.replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 00:", 1)
        swapped = msgspec.structs.replace(answer, sdp=changed)
        unsigned = msgspec.structs.replace(answer, signature=answer.signature[::-1])
        return [swapped, unsigned, answer, answer]

    two.b.tamper = forge
    await two.open()
    assert (two.a.answers, two.a.refused_answers) == (1, 3)


async def test_candidates_that_come_one_by_one_are_enough(two: Two) -> None:
    """As a browser sends them: none in the offer, each in a message of its own."""

    def trickle(offer: RelayedOffer) -> list[RelayedOffer | RelayedCandidate]:
        lines = offer.sdp.split("\r\n")
        candidates = [line.removeprefix("a=") for line in lines if line.startswith("a=candidate:")]
        bare = [line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
        junk = RelayedCandidate(offer.sender, offer.connection, "candidate:nonsense", "0", 0)
        return [
            msgspec.structs.replace(offer, sdp="\r\n".join(bare)),
            junk,
            *(RelayedCandidate(offer.sender, offer.connection, each, "0", 0) for each in candidates),
            RelayedCandidate(offer.sender, offer.connection, "", "0", 0),
            *[junk] * 2 * CANDIDATE_LIMIT,
        ]

    two.a.tamper = trickle
    await two.open()


async def test_peer_that_frees_its_transport_without_bye_is_told_lost(two: Two) -> None:
    a, _ = await two.open()
    await a._transport.close()
    await two.b.diary.wait(lambda diary: diary.reasons)
    assert two.b.diary.reasons == [LOST]
    assert two.a.diary.reasons == [LOST]


async def test_offer_that_aiortc_cannot_read_fails_that_link_only(two: Two) -> None:
    two.b.links.accept(
        CheckedDescription(
            two.a.id, b"\x09" * 8, two.a.identity.key, two.a.handshake.nonce, "m=application 9 x y\r\n"
        ),
        two.b.diary,
    )
    await two.b.diary.wait(lambda diary: diary.reasons)
    assert two.b.diary.reasons == [FAILED]
    await two.open()


async def test_address_that_is_no_ice_server_is_left_out(two: Two, caplog: pytest.LogCaptureFixture) -> None:
    two.a.links.set_ice_servers([IceServer(["http://example.org", "stun:"])])
    assert "left out" in caplog.text
    await two.open()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def settled(count: Callable[[], int], most: int) -> int:
    """What `count` comes down to within a few seconds."""
    for _ in range(100):
        gc.collect()
        if count() <= most:
            break
        await asyncio.sleep(0.05)
    return count()


@pytest.mark.timeout(120)
async def test_open_and_close_many_times_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    async def cycle(stage: int) -> None:
        two = Two()
        link = two.a.connect()
        if stage == 1:
            await two.a.signaled.wait()
        elif stage == 2:
            await two.b.signaled.wait()
        elif stage >= 3:
            await two.a.diary.wait(lambda diary: diary.opened_count)
            link.send(message(60000, "blocks"), "blocks")
        link.close()
        await two.close()
        assert two.a.diary.reasons == []
        assert link.phase is Phase.ENDED

    await cycle(3)  # libraries open what they keep open on first use
    tasks, files, threads = len(asyncio.all_tasks()), descriptors(), threading.active_count()
    for number in range(24):
        await cycle(number % 4)
    assert await settled(lambda: len(asyncio.all_tasks()), tasks) <= tasks
    assert await settled(descriptors, files) <= files
    assert await settled(threading.active_count, threads) <= threads
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("opened", [False, True])
async def test_stopped_in_a_hurry_at_any_moment_leaves_nothing_behind(opened: bool) -> None:
    """A busy machine cuts the time short that links have for their end."""
    warm_up = Two()
    warm_up.a.connect()
    await warm_up.a.diary.wait(lambda diary: diary.opened_count)
    await asyncio.gather(warm_up.a.links.close(), warm_up.b.links.close())
    tasks, files = len(asyncio.all_tasks()), descriptors()
    for turns in range(0, 120, 3):
        two = Two()
        link = two.a.connect()
        if opened:
            await two.a.diary.wait(lambda diary: diary.opened_count)
            link.send(message(60000, "blocks"), "blocks")
            link.close()
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.gather(two.a.links.close(timeout=0), two.b.links.close(timeout=0))
    assert await settled(descriptors, files) <= files
    assert await settled(lambda: len(asyncio.all_tasks()), tasks) <= tasks
