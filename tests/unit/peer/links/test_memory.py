"""The emulated network that swarms run on: what it promises about order, time, rate, loss and death."""

from __future__ import annotations

from peer.core.link_actions import BAD_BLOCK, LEAVING, LOST, PROTOCOL_ERROR
from peer.links.link import BUFFER_LIMIT, LOW_WATER, Channel, Link
from peer.links.memory import MemoryLink, Network, Path

A, B, C = b"a" * 16, b"b" * 16, b"c" * 16


class Diary:
    """Link events, with the time of each."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.opened_at: list[float] = []
        self.messages: list[tuple[float, bytes, Channel]] = []
        self.drained_at: list[float] = []
        self.reasons: list[str] = []

    def opened(self, link: Link) -> None:
        self.opened_at.append(self.network.now)

    def message(self, link: Link, data: bytes, channel: Channel) -> None:
        self.messages.append((self.network.now, data, channel))

    def drained(self, link: Link, channel: Channel) -> None:
        self.drained_at.append(self.network.now)

    def closed(self, link: Link, reason: str) -> None:
        self.reasons.append(reason)


def linked(path: Path, seed: int = 1) -> tuple[Network, MemoryLink, MemoryLink, Diary, Diary]:
    network = Network(seed)
    at_a, at_b = Diary(network), Diary(network)
    a, b = network.connect(A, at_a, B, at_b, path)
    network.run_until(4 * path.delay)
    assert at_a.opened_at == at_b.opened_at == [4 * path.delay]
    return network, a, b, at_a, at_b


def test_message_arrives_after_the_delay() -> None:
    network, a, _, _, at_b = linked(Path(delay=0.05))
    sent = network.now
    assert a.send(b"hello", "blocks")
    network.run_until(10.0)
    assert at_b.messages == [(sent + 0.05, b"hello", "blocks")]
    assert a.sent_bytes == {"control": 0, "blocks": 5}
    assert a.other.received_bytes == {"control": 0, "blocks": 5}


def test_nothing_is_taken_before_the_link_is_open() -> None:
    network = Network(1)
    a, _ = network.connect(A, Diary(network), B, Diary(network))
    assert not a.send(b"early", "control")


def test_jitter_reorders_blocks_but_not_control() -> None:
    network, a, _, _, at_b = linked(Path(delay=0.01, jitter=0.1))
    for number in range(50):
        a.send(bytes([number]), "blocks")
        a.send(bytes([number]), "control")
    network.run_until(10.0)
    control = [data[0] for _, data, channel in at_b.messages if channel == "control"]
    blocks = [data[0] for _, data, channel in at_b.messages if channel == "blocks"]
    assert control == list(range(50))
    assert sorted(blocks) == list(range(50))
    assert blocks != list(range(50))


def test_rate_spaces_messages_and_fills_the_buffer() -> None:
    network, a, _, at_a, at_b = linked(Path(delay=0.0, rate=8_000_000))  # 1 MB/s
    for _ in range(4):
        assert a.send(bytes(50_000), "blocks")
    assert a.buffered("blocks") == 200_000
    network.run_until(0.05)
    assert [round(at, 3) for at, _, _ in at_b.messages] == [0.05]
    network.run_until(1.0)
    assert [round(at, 3) for at, _, _ in at_b.messages] == [0.05, 0.1, 0.15, 0.2]
    assert a.buffered("blocks") == 0
    assert [round(at, 3) for at in at_a.drained_at] == [0.15], f"once, at {LOW_WATER} bytes"


def test_uplink_is_shared_by_all_links_of_a_peer() -> None:
    network = Network(1)
    diaries = [Diary(network) for _ in range(4)]
    to_b, _ = network.connect(A, diaries[0], B, diaries[1], Path(delay=0.0))
    to_c, _ = network.connect(A, diaries[2], C, diaries[3], Path(delay=0.0))
    network.set_uplink(A, 8_000_000)
    network.run_until(0.0)
    to_b.send(bytes(50_000), "blocks")
    to_c.send(bytes(50_000), "blocks")
    network.run_until(1.0)
    assert [round(at, 3) for at, _, _ in diaries[1].messages + diaries[3].messages] == [0.05, 0.1]


def test_full_buffer_takes_no_more() -> None:
    _, a, _, _, _ = linked(Path(delay=0.0, rate=1000))
    taken = 0
    while a.send(bytes(65536), "blocks"):
        taken += 65536
    assert taken == BUFFER_LIMIT
    assert a.send(b"still fits", "control")


def test_lost_packet_costs_a_retransmission_and_no_message() -> None:
    network, a, _, _, at_b = linked(Path(delay=0.02, loss=0.2))
    sent = network.now
    for number in range(200):
        a.send(bytes([number]), "blocks")
    network.run_until(60.0)
    times = [at - sent for at, _, _ in at_b.messages]
    assert len(times) == 200
    late = [at for at in times if at > 0.021]
    assert 20 < len(late) < 60
    assert min(late) > 0.15


def test_same_seed_gives_the_same_run() -> None:
    def run(seed: int) -> list[tuple[float, bytes, Channel]]:
        network, a, _, _, at_b = linked(Path(delay=0.02, jitter=0.05, loss=0.1), seed)
        for number in range(100):
            a.send(bytes([number]), "blocks")
        network.run_until(60.0)
        return at_b.messages

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_bye_comes_after_what_was_sent_on_control() -> None:
    network, a, b, at_a, at_b = linked(Path(delay=0.02, rate=1_000_000))
    a.send(bytes(10_000), "control")
    a.close(BAD_BLOCK)
    assert not a.send(b"late", "control")
    network.run_until(10.0)
    assert len(at_b.messages) == 1
    assert at_b.reasons == [BAD_BLOCK]
    assert at_a.reasons == []
    assert b.is_closed
    assert network.links_of(A) == network.links_of(B) == []


def test_error_is_told_with_its_sentence() -> None:
    network, a, b, _, at_b = linked(Path())
    a.fail(3, "A message has at most 65536 bytes.")
    network.run_until(10.0)
    assert b.error == (3, "A message has at most 65536 bytes.")
    assert at_b.reasons == [PROTOCOL_ERROR]


def test_dropped_transport_is_told_at_both_ends() -> None:
    network, a, _, at_a, at_b = linked(Path())
    a.drop()
    network.run_until(10.0)
    assert at_a.reasons == at_b.reasons == [LOST]


def test_vanished_peer_says_nothing() -> None:
    network, a, b, at_a, at_b = linked(Path())
    network.vanish(A)
    a.send(b"from beyond", "control")
    a.close(LEAVING)
    b.send(b"anybody there?", "control")
    network.run_until(60.0)
    assert at_a.messages == at_b.messages == []
    assert at_b.reasons == []


def test_cut_direction_leaves_the_other_alone() -> None:
    network, a, b, at_a, at_b = linked(Path())
    a.cut = True
    a.send(b"lost", "control")
    b.send(b"comes", "control")
    network.run_until(10.0)
    assert at_b.messages == []
    assert [data for _, data, _ in at_a.messages] == [b"comes"]


def test_scheduled_calls_run_in_order_until_cancelled() -> None:
    network = Network(1)
    order: list[str] = []
    network.schedule(2.0, lambda: order.append("later"))
    network.schedule(1.0, lambda: order.append("first"))
    network.schedule(1.0, lambda: order.append("second"))
    network.schedule(1.5, lambda: order.append("never")).cancel()
    network.run_until(1.0)
    assert order == ["first", "second"]
    assert network.now == 1.0
    network.schedule(0.5, lambda: order.append("overdue"))
    network.run_until(3.0)
    assert order == ["first", "second", "overdue", "later"]
