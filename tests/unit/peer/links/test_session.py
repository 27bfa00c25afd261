"""HELLO, BYE, ERROR and the limits of a link, over a transport that hands messages over at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import pytest

from peer.core.link_actions import BAD_BLOCK, GLARE, LEAVING, LOST, NOT_NEEDED, PROTOCOL_ERROR
from peer.links.link import BUFFER_LIMIT, Channel, Link
from peer.links.session import EARLY_BLOCKS, Phase, SessionLink, hello
from peer.wire import (
    BLOCK,
    MALFORMED,
    MAX_MESSAGE,
    TOO_LARGE,
    UNEXPECTED,
    VERSION,
    Hello,
    Ping,
    Probe,
    encode,
)

PING = encode(Ping(b"p" * 16, 1))
A_BLOCK = bytes([BLOCK]) + b"block"
A_PROBE = encode(Probe(b"b" * 8, 0, 4, 1100))
UNKNOWN = b"\x7fwhatever"


class Diary:
    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    def opened(self, link: Link) -> None:
        self.events.append(("opened",))

    def message(self, link: Link, data: bytes, channel: Channel) -> None:
        self.events.append(("message", data, channel))

    def drained(self, link: Link, channel: Channel) -> None:
        self.events.append(("drained", channel))

    def closed(self, link: Link, reason: str) -> None:
        self.events.append(("closed", reason))


class Wire(SessionLink):
    """One end of a transport; `Pair.run` carries what was sent to the other end."""

    def __init__(self, diary: Diary, greeting: Hello) -> None:
        super().__init__(b"\x01" * 16, b"\x02" * 8, greeting, diary)
        self.queue: deque[tuple[bytes | str, Channel]] = deque()
        self.backlog = 0
        self.releases: list[bool] = []

    def buffered(self, channel: Channel) -> int:
        return self.backlog

    def _transmit(self, data: bytes, channel: Channel) -> bool:
        self.queue.append((data, channel))
        return True

    def _release(self, said_bye: bool) -> None:
        self.releases.append(said_bye)


class Pair:
    def __init__(self, a_hello: Hello | None = None) -> None:
        self.at_a, self.at_b = Diary(), Diary()
        self.a = Wire(self.at_a, a_hello or hello("a"))
        self.b = Wire(self.at_b, hello("b", ("x",)))

    def run(self) -> None:
        while self.a.queue or self.b.queue:
            for sender, receiver in ((self.a, self.b), (self.b, self.a)):
                while sender.queue:
                    receiver._arrived(*sender.queue.popleft())

    def open(self) -> Pair:
        self.a._channels_opened()
        self.b._channels_opened()
        self.run()
        assert self.at_a.events == self.at_b.events == [("opened",)]
        self.at_a.events.clear()
        self.at_b.events.clear()
        return self


def test_link_is_open_when_both_hellos_came() -> None:
    pair = Pair()
    pair.a._channels_opened()
    assert not pair.a.send(PING, "control")
    pair.b._channels_opened()
    pair.run()
    assert pair.at_a.events == pair.at_b.events == [("opened",)]
    assert pair.a.remote_hello == Hello(1, ("x",), "b")


def test_hello_before_our_own_channel_is_told_open_is_answered() -> None:
    pair = Pair()
    pair.a._channels_opened()
    pair.run()
    pair.b._channels_opened()
    pair.run()
    assert pair.at_a.events == pair.at_b.events == [("opened",)]


def test_messages_go_through_and_are_counted() -> None:
    pair = Pair().open()
    before = dict(pair.a.sent_bytes)
    assert pair.a.send(PING, "control")
    assert pair.a.send(A_BLOCK, "blocks")
    assert pair.a.send(A_PROBE, "blocks")
    assert pair.a.send(UNKNOWN, "control")
    pair.run()
    assert pair.at_b.events == [
        ("message", PING, "control"),
        ("message", A_BLOCK, "blocks"),
        ("message", A_PROBE, "blocks"),
        ("message", UNKNOWN, "control"),
    ]
    assert pair.a.sent_bytes["control"] - before["control"] == len(PING) + len(UNKNOWN)
    assert pair.a.sent_bytes == pair.b.received_bytes
    assert pair.b.received_bytes["blocks"] == len(A_BLOCK) + len(A_PROBE)


def test_blocks_that_overtake_hello_wait_for_it() -> None:
    pair = Pair()
    pair.a._channels_opened()
    pair.b._channels_opened()
    greeting = pair.a.queue.popleft()
    for _ in range(EARLY_BLOCKS + 5):
        pair.b._arrived(A_BLOCK, "blocks")
    assert pair.at_b.events == []
    pair.b._arrived(*greeting)
    assert pair.at_b.events == [("opened",)] + [("message", A_BLOCK, "blocks")] * EARLY_BLOCKS


def ends_with(code: int) -> Callable[[Pair], None]:
    def check(pair: Pair) -> None:
        assert pair.at_b.events[-1] == ("closed", PROTOCOL_ERROR)
        assert pair.b.phase is Phase.ENDED
        assert pair.b.error is not None
        assert pair.b.error[0] == code
        pair.run()
        assert pair.at_a.events[-1] == ("closed", PROTOCOL_ERROR)
        assert pair.a.error == pair.b.error

    return check


@pytest.mark.parametrize(
    ("data", "channel", "check"),
    [
        (bytes([0x12]) + bytes(MAX_MESSAGE), "control", ends_with(TOO_LARGE)),
        (bytes([BLOCK]) + bytes(MAX_MESSAGE), "blocks", ends_with(TOO_LARGE)),
        ("text", "control", ends_with(MALFORMED)),
        (b"", "control", ends_with(MALFORMED)),
        (b"", "blocks", ends_with(MALFORMED)),
        (A_BLOCK, "control", ends_with(UNEXPECTED)),
        (PING, "blocks", ends_with(UNEXPECTED)),
        (encode(hello("again")), "control", ends_with(UNEXPECTED)),
    ],
    ids=[
        "large",
        "large-block",
        "text",
        "empty",
        "empty-block",
        "block-on-control",
        "ping-on-blocks",
        "second-hello",
    ],
)
def test_message_that_breaks_the_protocol_is_answered_and_ends_the_link(
    data: bytes | str, channel: Channel, check: Callable[[Pair], None]
) -> None:
    pair = Pair().open()
    pair.b._arrived(data, channel)
    check(pair)


def test_anything_before_hello_ends_the_link() -> None:
    pair = Pair()
    pair.a._channels_opened()
    pair.b._channels_opened()
    pair.b._arrived(PING, "control")
    assert pair.at_b.events == [("closed", PROTOCOL_ERROR)]


def test_unknown_version_is_answered_with_a_sentence() -> None:
    pair = Pair(Hello(2, (), "from the future"))
    pair.a._channels_opened()
    pair.b._channels_opened()
    pair.run()
    assert pair.at_b.events == [("closed", PROTOCOL_ERROR)]
    assert pair.a.error is not None
    assert pair.a.error[0] == VERSION
    assert "speaks version 2" in pair.a.error[1]


@pytest.mark.parametrize(("said", "heard"), [(LEAVING, LEAVING), (BAD_BLOCK, BAD_BLOCK), (GLARE, NOT_NEEDED)])
def test_bye_tells_its_reason(said: str, heard: str) -> None:
    pair = Pair().open()
    pair.a.close(said)
    pair.a.close(said)
    pair.run()
    assert pair.at_a.events == []
    assert pair.at_b.events == [("closed", heard)]
    assert pair.a.releases == [True]
    assert pair.b.releases == [False]
    assert not pair.a.send(PING, "control")


def test_nothing_is_heard_after_the_end() -> None:
    pair = Pair().open()
    pair.b.close()
    pair.b._arrived(PING, "control")
    pair.b._lost(LOST)
    assert pair.at_b.events == []


def test_drained_channel_is_told_while_the_link_is_open() -> None:
    pair = Pair().open()
    pair.a._drained("blocks")
    pair.a.close()
    pair.a._drained("blocks")
    assert pair.at_a.events == [("drained", "blocks")]


def test_lost_transport_is_told_once() -> None:
    pair = Pair().open()
    pair.b._lost(LOST)
    pair.b._lost(LOST)
    assert pair.at_b.events == [("closed", LOST)]
    assert pair.b.releases == [False]


def test_full_buffer_takes_no_more_and_too_large_is_an_error() -> None:
    pair = Pair().open()
    pair.a.backlog = BUFFER_LIMIT
    assert not pair.a.send(PING, "control")
    with pytest.raises(ValueError, match="at most"):
        pair.a.send(bytes(MAX_MESSAGE + 1), "control")


def test_failure_behind_a_message_ends_its_link_only(caplog: pytest.LogCaptureFixture) -> None:
    class Clumsy(Diary):
        def message(self, link: Link, data: bytes, channel: Channel) -> None:
            raise RuntimeError("a bug of ours")

    pair = Pair()
    clumsy = Clumsy()
    pair.b._events = clumsy
    pair.a._channels_opened()
    pair.b._channels_opened()
    pair.run()
    pair.a.send(PING, "control")
    pair.run()
    assert clumsy.events == [("opened",), ("closed", PROTOCOL_ERROR)]
    assert pair.at_a.events[-1] == ("closed", PROTOCOL_ERROR)
    assert "could not be dealt with" in caplog.text
