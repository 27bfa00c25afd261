"""Files reach everybody in the room, once from whoever sends them, whatever others do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peer import wire_files as wire
from peer.core.actions import Reject, Send
from peer.core.block_set import BlockSet
from peer.core.file_actions import FileAction, FileDone, ReadPiece, WritePiece
from peer.core.file_pace import BURST, LEAST, MOST
from peer.core.file_serving import BESIDE, MAX_QUEUE
from peer.core.file_share import AT_ONCE_BESIDE, IN_FLIGHT_BESIDE, MAX_FETCHES, MAX_SEEKING, FileShare
from peer.core.file_source import ANSWER, FileSource
from peer.file_tables import TABLES, TOP, Tables
from peer.wire_files import BLOCK
from tests.unit.peer.core.file_network import FileNetwork, Peer, content
from tests.vectors.shared_files import Content

OWN, ADA, BOB, EVE = (bytes([number]) * 16 for number in range(4))
FILE = content(3 * BLOCK + 5)
BIG = content(600 * BLOCK)


def everybody_gets(network: FileNetwork, file: Content, peers: list[Peer], seconds: float = 600) -> None:
    network.run(seconds, lambda: all(file.id in peer.done for peer in peers))
    for peer in peers:
        assert peer.got(file) == file.data
        assert peer.done == [file.id]


# In a room


@pytest.mark.parametrize("size", [1, BLOCK, 20 * BLOCK + 1, 10_000_000])
def test_five_receive_a_file_that_its_sender_sends_once(size: int) -> None:
    network, file = FileNetwork(), content(size)
    sender, *others = network.peers_in_a_room(6)
    sender.has(file)
    for peer in others:
        assert peer.fetch(file)
    everybody_gets(network, file, others)
    assert sender.sent[file.id] <= max(1.1 * size, 5 * BLOCK)
    assert sum(peer.sent[file.id] for peer in network.peers) <= 5.2 * size


def test_sender_leaves_when_one_copy_is_out_and_all_have_the_file_nevertheless() -> None:
    network, file = FileNetwork(), content(5_000_000)
    sender, *others = network.peers_in_a_room(6)
    sender.has(file)
    for peer in others:
        peer.fetch(file)

    def out() -> bool:
        held = BlockSet(len(file.pieces))
        for peer in others:
            for piece in peer.kept.get(file.id, {}):
                if piece < TABLES:
                    held.add(piece)
        return len(held) == -(-file.size // BLOCK)

    network.run(600, out)
    assert sender.sent[file.id] <= 1.2 * file.size
    assert not any(peer.done for peer in others)
    network.leave(sender)
    everybody_gets(network, file, others)


def test_newcomers_get_it_from_those_who_have_it() -> None:
    network, file = FileNetwork(), content(1_000_000)
    sender, first, second = network.peers_in_a_room(3)
    sender.has(file)
    first.fetch(file)
    everybody_gets(network, file, [first])
    network.leave(sender)
    second.fetch(file)
    everybody_gets(network, file, [second])


def test_who_is_not_linked_to_the_sender_gets_it_through_another_meanwhile() -> None:
    network, file = FileNetwork(), content(3_000_000)
    sender, middle, far = (network.peer(name) for name in ("sender", "middle", "far"))
    far.fetch(file)
    sender.has(file)
    network.link(sender, middle)
    network.link(middle, far)
    network.run(1)
    middle.fetch(file)
    everybody_gets(network, file, [middle, far], 10)
    assert sender.sent[file.id] == file.size


def test_two_who_are_not_linked_to_each_other_both_get_all_from_one_sender() -> None:
    network, file = FileNetwork(), content(1_000_000)
    sender, one, other = (network.peer(name) for name in ("sender", "one", "other"))
    network.link(sender, one)
    network.link(sender, other)
    sender.has(file)
    for peer in (one, other):
        peer.fetch(file)
    everybody_gets(network, file, [one, other], 30)


def test_damaged_blocks_are_not_kept_and_their_source_is_dropped() -> None:
    network, file = FileNetwork(), content(2_000_000)
    sender, liar, *others = network.peers_in_a_room(5)
    for peer in (sender, liar):
        peer.has(file)
    liar.tamper = lambda message: replace(message, data=b"x" + message.data[1:])
    for peer in others:
        peer.fetch(file)
    everybody_gets(network, file, others)
    for peer in others:
        assert [far.name for far, _ in peer.rejected] == [liar.name]
        assert peer.share.wrong >= 1


@pytest.mark.parametrize("piece", [TOP, TABLES])
def test_damaged_table_ends_its_source(piece: int) -> None:
    network, file = FileNetwork(), content(200_000)
    liar, other = network.peers_in_a_room(2)
    liar.has(file)

    def tamper(message: wire.FileBlock) -> wire.FileBlock:
        return replace(message, data=message.data[:-1] + b"?") if message.piece == piece else message

    liar.tamper = tamper
    other.fetch(file)
    network.run(5)
    assert [sentence for _, sentence in other.rejected] == ["A block of a file is not what its hash says."]
    sender = network.peer("sender")
    sender.has(file)
    network.link(sender, other)
    everybody_gets(network, file, [other], 20)


def test_what_was_kept_is_not_fetched_again() -> None:
    network, file = FileNetwork(), content(10_000_000)
    sender, other = network.peers_in_a_room(2)
    sender.has(file)
    other.fetch(file)
    network.run(3)
    kept = dict(other.kept[file.id])
    assert 100 < len(kept) < 600
    network.leave(other)
    again = network.peer("again")
    again.kept[file.id] = dict(kept)
    sender.sent.clear()
    network.link(sender, again)
    again.fetch(file)
    everybody_gets(network, file, [again])
    missing = file.size - sum(len(data) for piece, data in kept.items() if piece < TABLES)
    assert sender.sent[file.id] == missing


def test_file_of_another_size_than_its_message_says_is_given_up_and_nobody_is_blamed() -> None:
    network, file = FileNetwork(), content(1_000_000)
    sender, other = network.peers_in_a_room(2)
    sender.has(file)
    other.fetch(file, size=999_999)
    network.run(5)
    assert [sentence for _, sentence in other.failed] == [
        "The file is not as large as its message says, so it was not fetched."
    ]
    assert other.rejected == []
    assert other.share.progress(file.id) is None


def test_full_disk_ends_the_fetch_with_a_sentence() -> None:
    network = FileNetwork()
    sender, other = network.peers_in_a_room(2)
    sender.has(FILE)
    other.writes = False
    other.fetch(FILE)
    network.run(5)
    assert [file for file, _ in other.failed] == [FILE.id]
    network.run(20)
    assert len(other.failed) == 1


def test_piece_that_is_damaged_on_the_senders_disk_comes_from_somebody_else() -> None:
    network, file = FileNetwork(), content(500_000)
    broken, other, sound = (network.peer(name) for name in ("broken", "other", "sound"))
    broken.has(file)
    del broken.kept[file.id][7]
    network.link(broken, other)
    other.fetch(file)
    network.run(20)
    assert other.share.progress(file.id) == (30, 31, 1)
    network.link(sound, other)
    sound.has(file)
    everybody_gets(network, file, [other], 20)


def beside_video(file: Content, late: float = 0.0) -> tuple[FileNetwork, list[Peer]]:
    """Four with wide uplinks in a room where something is live; the first one has the file."""
    network = FileNetwork()
    network.late = late
    peers = network.peers_in_a_room(4, rate=100_000_000)
    peers[0].has(file)
    for peer in peers:
        peer.share.beside_video(True, network.now)
    for peer in peers[1:]:
        peer.fetch(file)
    return network, peers


def test_beside_video_little_waits_on_links_and_little_leaves() -> None:
    network, (sender, *_) = beside_video(content(20_000_000))
    network.run(5)
    assert sum(sender.sent.values()) <= BURST + 5 * MOST + BLOCK
    assert sum(sender.sent.values()) >= 2.5 * MOST
    assert sender.most_buffered <= BESIDE + BLOCK + 100


def test_file_yields_where_timers_come_late_and_takes_what_is_left_when_they_do_not() -> None:
    file = content(20_000_000)
    network, (sender, *others) = beside_video(file, late=0.03)
    network.run(5)
    before = sum(sender.sent.values())
    network.run(10)
    slow = sum(sender.sent.values()) - before
    assert 0.5 * LEAST <= slow / 10 <= 1.1 * LEAST
    network.late = 0.002
    network.run(15)
    assert sum(sender.sent.values()) - before - slow >= 15 * 4 * LEAST
    everybody_gets(network, file, others, 60)


def test_without_video_the_uplink_is_full() -> None:
    network, file = FileNetwork(), content(20_000_000)
    sender, other = network.peers_in_a_room(2)
    sender.has(file)
    for on in (True, True, False):
        sender.share.beside_video(on, network.now)
    other.fetch(file)
    network.run(1.25 * file.size / sender.rate, lambda: other.done != [])
    assert other.got(file) == file.data


def test_block_waits_for_no_queue_of_its_own_making() -> None:
    """Only as much is asked for at once as its way carries: what is live goes the same way."""
    network, file = FileNetwork(), content(20_000_000)
    sender, other = network.peers_in_a_room(2, rate=250_000)
    sender.has(file)
    other.fetch(file)
    network.run(10)
    sender.most_buffered = 0
    network.run(10)
    assert sender.most_buffered <= 0.25 * sender.rate


def test_company_is_looked_for_while_few_have_it_and_not_for_ever() -> None:
    network = FileNetwork()
    (peer,) = network.peers_in_a_room(1)
    assert peer.share.next_timer() == float("inf")
    peer.fetch(FILE)
    network.run(100)
    assert peer.lonely == 6
    peer.share.stop(FILE.id, network.now)
    network.run(10)
    assert peer.share.next_timer() == float("inf")


def test_enough_sources_are_company_enough() -> None:
    network, file = FileNetwork(), content(8_000_000)
    *senders, other = network.peers_in_a_room(5, rate=125_000)
    for sender in senders:
        sender.has(file)
    other.fetch(file)
    network.run(12)
    assert other.lonely == 0


@settings(max_examples=20, deadline=None)
@given(
    st.integers(2, 7),
    st.integers(1, 60 * BLOCK),
    st.integers(0, 2**32),
    st.lists(st.integers(0, 6), max_size=3),
)
def test_everybody_who_is_linked_somehow_gets_every_file(
    count: int, size: int, seed: int, leavers: list[int]
) -> None:
    network, file = FileNetwork(seed), content(size, seed)
    peers = [network.peer(f"{number}") for number in range(count)]
    for number, peer in enumerate(peers[1:], 1):
        network.link(peers[network.random.randrange(number)], peer)  # one tree, and some more
        for far in peers[:number]:
            if far.id not in peer.links and network.random.random() < 0.4:
                network.link(far, peer)
    peers[0].has(file)
    for peer in peers[1:]:
        network.run(network.random.uniform(0, 0.3))
        peer.fetch(file)
    for leaver in leavers:
        network.run(network.random.uniform(0, 0.3))
        if 0 < leaver < count and peers[leaver].alive:
            left = list(peers[leaver].links.values())
            network.leave(peers[leaver])
            for peer in left:
                if peer is not peers[0] and peers[0].id not in peer.links:
                    network.link(peers[0], peer)
    everybody_gets(network, file, [peer for peer in peers[1:] if peer.alive])


# One share alone


def share_that_fetches(file: Content, *, tables: bool = True) -> FileShare:
    """Linked to Ada, Bob and Eve; with `tables` it has all of them already."""
    share = FileShare(OWN)
    known = Tables(file.id, file.size)
    if tables:
        for piece in sorted(file.pieces, reverse=True):
            if piece >= TABLES:
                known.take(piece, file.pieces[piece])
    for peer in (ADA, BOB, EVE):
        share.link_opened(peer, 0.0)
    assert share.begin(known, BlockSet(known.blocks), 0.0)
    share.poll_actions()
    return share


def said(actions: list[FileAction], to: bytes) -> list[wire.OfFiles]:
    return [wire.decode(action.data) for action in actions if isinstance(action, Send) and action.peer == to]


def rejected(actions: list[FileAction]) -> list[bytes]:
    return [action.peer for action in actions if isinstance(action, Reject)]


def wanted(actions: list[FileAction], of: bytes) -> list[int]:
    return [piece for m in said(actions, of) if isinstance(m, wire.FileWant) for piece in m.pieces]


def test_rare_blocks_are_asked_for_first() -> None:
    share = share_that_fetches(content(8 * BLOCK))
    eight = range(8)
    share.received(
        BOB, wire.FileHave(share_file(share), False, BlockSet.of(8, (0, 1, 2, 3, 6)).to_bytes()), 0.0
    )
    share.received(EVE, wire.FileHave(share_file(share), False, BlockSet.of(8, (4, 5, 7)).to_bytes()), 0.0)
    share.link_closed(BOB, 0.0)
    share.link_closed(EVE, 0.0)
    for peer in (BOB, EVE):
        share.link_opened(peer, 0.0)
    share.poll_actions()
    everything = BlockSet.of(8, eight).to_bytes()
    fetch = share._fetches[share_file(share)]
    common = fetch.source(BOB, 0.0)
    common.have, common.window = BlockSet.of(8, (0, 1, 2, 3, 4, 5)), 0.0
    share.received(ADA, wire.FileHave(share_file(share), False, everything), 0.0)
    assert set(wanted(share.poll_actions(), ADA)) >= {6, 7}


def share_file(share: FileShare) -> bytes:
    (file,) = share._fetches
    return file


def test_who_has_all_is_asked_for_what_others_have_when_it_has_rested() -> None:
    share, file = share_that_fetches(FILE), FILE.id
    fetch = share._fetches[file]
    slow = fetch.source(BOB, 0.0)
    slow.have, slow.window = BlockSet.whole(4), 0.0
    share.received(ADA, wire.FileHave(file, True, b""), 0.0)
    assert wanted(share.poll_actions(), ADA) == []
    share.handle_timer(1.0)
    assert wanted(share.poll_actions(), ADA) == []
    share.handle_timer(2.1)
    assert len(wanted(share.poll_actions(), ADA)) == 1
    share.handle_timer(2.5)
    assert wanted(share.poll_actions(), ADA) == []


def test_silent_source_is_asked_no_more_and_others_are() -> None:
    share, file = share_that_fetches(FILE), FILE.id
    share.received(ADA, wire.FileHave(file, True, b""), 0.0)
    assert len(wanted(share.poll_actions(), ADA)) == 4
    share.received(BOB, wire.FileHave(file, True, b""), 0.0)
    assert wanted(share.poll_actions(), BOB) == []
    share.handle_timer(ANSWER)
    assert len(wanted(share.poll_actions(), BOB)) == 4
    assert share.progress(file) == (0, 4, 2)


def test_first_table_is_asked_of_one_at_a_time_and_only_of_those_who_know_it() -> None:
    share, file = share_that_fetches(BIG, tables=False), BIG.id
    share.received(ADA, wire.FileHave(file, False, b""), 0.0)
    share.received(BOB, wire.FileHave(file, False, BlockSet.of(600, (1,)).to_bytes()), 0.0)
    share.received(EVE, wire.FileHave(file, True, b""), 0.0)
    actions = share.poll_actions()
    assert (wanted(actions, ADA), wanted(actions, BOB), wanted(actions, EVE)) == ([], [TOP], [])
    share.received(BOB, wire.FileLater(file, (TOP, 3)), 0.1)
    actions = share.poll_actions()
    assert (wanted(actions, BOB), wanted(actions, EVE)) == ([], [TOP])
    share.received(EVE, wire.FileBlock(file, TOP, BIG.pieces[TOP]), 0.2)
    asked = wanted(share.poll_actions(), EVE)
    assert asked
    assert set(asked) <= {TABLES, TABLES + 1}
    share.received(EVE, wire.FileLater(file, tuple(asked)), 0.3)
    share.received(BOB, wire.FileHave(file, True, b""), 0.3)
    assert set(wanted(share.poll_actions(), BOB)) & set(asked)


def test_blocks_that_nobody_asked_for_end_the_link_when_they_are_many() -> None:
    share = share_that_fetches(FILE)
    for number in range(64):
        share.received(ADA, wire.FileBlock((EVE + BOB), number, b"x"), 0.0)
    assert rejected(share.poll_actions()) == []
    share.received(ADA, wire.FileBlock(FILE.id, 0, FILE.pieces[0]), 0.0)
    assert rejected(share.poll_actions()) == [ADA]


@pytest.mark.parametrize(
    "message",
    [
        wire.FileHave(FILE.id, False, b"\xff"),
        wire.FileHave(FILE.id, False, b"\x01\x00"),
        wire.FileGot(FILE.id, (4,)),
    ],
    ids=str,
)
def test_claim_beyond_the_file_ends_the_link_unless_the_size_may_be_a_lie(message: wire.OfFiles) -> None:
    share = share_that_fetches(FILE)
    share.received(ADA, message, 0.0)
    assert rejected(share.poll_actions()) == [ADA]
    hearsay = share_that_fetches(FILE, tables=False)
    hearsay.received(ADA, message, 0.0)
    assert hearsay.poll_actions() == []


def test_block_that_comes_too_late_is_left_aside() -> None:
    share, file = share_that_fetches(FILE), FILE.id
    share.received(ADA, wire.FileHave(file, True, b""), 0.0)
    (block, *_) = wanted(share.poll_actions(), ADA)
    share.handle_timer(ANSWER)
    share.received(ADA, wire.FileBlock(file, block, FILE.pieces[block]), ANSWER)
    assert not any(isinstance(action, WritePiece | Reject) for action in share.poll_actions())


def test_what_is_said_of_unknown_files_or_without_a_link_changes_nothing() -> None:
    share = share_that_fetches(FILE)
    other = content(BLOCK, 9).id
    for message in (
        wire.FileHave(other, True, b""),
        wire.FileGot(other, (0,)),
        wire.FileLater(other, (0,)),
        wire.FileLater(FILE.id, (0,)),
        wire.FileSeek(other, False),
    ):
        share.received(ADA, message, 0.0)
    share.received(b"?" * 16, wire.FileSeek(FILE.id, True), 0.0)
    share.drained(b"?" * 16, 5, 0.0)
    share.written(other, 0, True, 0.0)
    share.piece_read(ADA, FILE.id, 0, b"x", 0.0)
    share.piece_read(b"?" * 16, FILE.id, 0, b"x", 0.0)
    assert share.poll_actions() == []


def keeper(file: Content, *peers: bytes) -> FileShare:
    share = FileShare(OWN)
    for peer in peers:
        share.link_opened(peer, 0.0)
    share.keep(file.id, file.size, 0.0)
    share.poll_actions()
    return share


def test_what_is_not_there_does_not_come() -> None:
    share = keeper(FILE, ADA)
    share.received(ADA, wire.FileWant(FILE.id, (4, TABLES + 1)), 0.0)
    share.received(ADA, wire.FileWant(EVE + EVE, (0,)), 0.0)
    assert said(share.poll_actions(), ADA) == [
        wire.FileLater(FILE.id, (4, TABLES + 1)),
        wire.FileLater(EVE + EVE, (0,)),
    ]
    share.received(ADA, wire.FileWant(FILE.id, (0,)), 0.0)
    assert share.poll_actions() == [ReadPiece(ADA, FILE.id, 0)]
    share.piece_read(ADA, FILE.id, 0, None, 0.0)
    assert said(share.poll_actions(), ADA) == [wire.FileLater(FILE.id, (0,))]


def test_who_asks_for_more_than_may_wait_is_told_so() -> None:
    share = keeper(BIG, ADA)
    for start in (0, 64, 128):
        share.received(ADA, wire.FileWant(BIG.id, tuple(range(start, start + 64))), 0.0)
    actions = share.poll_actions()
    reads = [action for action in actions if isinstance(action, ReadPiece)]
    later = [piece for m in said(actions, ADA) if isinstance(m, wire.FileLater) for piece in m.pieces]
    assert len(reads) == 4
    assert len(later) == 192 - MAX_QUEUE - len(reads)
    assert share.next_timer() == 0.25
    share.beside_video(True, 0.0)
    assert share.next_timer() == 0.02
    share.received(ADA, wire.FileWant(BIG.id, (10,)), 0.0)
    assert said(share.poll_actions(), ADA) == [wire.FileLater(BIG.id, (10,))], "It waits for that already."


def test_second_who_asks_for_a_block_is_sent_to_the_first_once() -> None:
    share = keeper(FILE, ADA, BOB, EVE)
    share.received(ADA, wire.FileWant(FILE.id, (0,)), 0.0)
    share.poll_actions()
    share.received(BOB, wire.FileWant(FILE.id, (0,)), 0.1)
    assert said(share.poll_actions(), BOB) == [wire.FileLater(FILE.id, (0,))]
    share.received(BOB, wire.FileWant(FILE.id, (0,)), 0.2)
    assert share.poll_actions() == [ReadPiece(BOB, FILE.id, 0)]
    share.link_closed(BOB, 0.3)
    share.received(EVE, wire.FileWant(FILE.id, (0,)), 0.3)
    assert share.poll_actions() == [ReadPiece(EVE, FILE.id, 0)], "Bob has gone with it."
    share.received(ADA, wire.FileWant(FILE.id, (0, 1)), 9.0)
    assert share.poll_actions() == [ReadPiece(ADA, FILE.id, piece) for piece in (0, 1)]


def test_no_more_files_are_sought_than_one_peer_may_seek() -> None:
    share = FileShare(OWN)
    share.link_opened(ADA, 0.0)
    for number in range(MAX_SEEKING):
        share.received(ADA, wire.FileSeek(bytes([number]) * 32, True), 0.0)
    share.received(ADA, wire.FileSeek(FILE.id, True), 0.0)
    share.keep(FILE.id, FILE.size, 0.0)
    assert share.poll_actions() == []
    share.received(ADA, wire.FileSeek(bytes(32), False), 0.0)
    share.received(ADA, wire.FileSeek(FILE.id, True), 0.0)
    share.received(ADA, wire.FileSeek(FILE.id, True), 0.0)
    assert said(share.poll_actions(), ADA) == [wire.FileHave(FILE.id, True, b"")] * 2


def test_who_seeks_is_told_when_it_is_kept_and_no_more_when_it_has_it_all() -> None:
    share = FileShare(OWN)
    share.link_opened(ADA, 0.0)
    share.link_opened(BOB, 0.0)
    for peer in (ADA, BOB):
        share.received(peer, wire.FileSeek(FILE.id, True), 0.0)
    share.received(BOB, wire.FileHave(FILE.id, True, b""), 0.0)
    share.keep(FILE.id, FILE.size, 0.0)
    actions = share.poll_actions()
    assert said(actions, ADA) == [wire.FileHave(FILE.id, True, b"")]
    assert said(actions, BOB) == []
    assert share.progress(FILE.id) == (4, 4, 0)


def test_part_of_a_file_is_given_on_and_told_of() -> None:
    share = share_that_fetches(FILE, tables=False)
    share.received(BOB, wire.FileSeek(FILE.id, True), 0.0)
    assert said(share.poll_actions(), BOB) == [wire.FileHave(FILE.id, False, b"")]
    share.received(BOB, wire.FileWant(FILE.id, (TOP, TABLES, 0)), 0.0)
    assert said(share.poll_actions(), BOB) == [wire.FileLater(FILE.id, (TOP, TABLES, 0))]
    share.received(ADA, wire.FileHave(FILE.id, True, b""), 0.0)
    share.received(ADA, wire.FileBlock(FILE.id, TOP, FILE.pieces[TOP]), 0.0)
    share.received(ADA, wire.FileBlock(FILE.id, TABLES, FILE.pieces[TABLES]), 0.0)
    (block, *_) = wanted(share.poll_actions(), ADA)[2:]
    share.received(ADA, wire.FileBlock(FILE.id, block, FILE.pieces[block]), 0.0)
    assert share.poll_actions()[0] == WritePiece(FILE.id, block, FILE.pieces[block])
    share.written(FILE.id, TABLES, True, 0.0)
    share.written(FILE.id, block, True, 0.0)
    share.handle_timer(0.1)
    assert said(share.poll_actions(), BOB) == [wire.FileGot(FILE.id, (block,))]
    share.received(BOB, wire.FileWant(FILE.id, (TOP, TABLES, block)), 0.2)
    reads = [action for action in share.poll_actions() if isinstance(action, ReadPiece)]
    assert [read.piece for read in reads] == [TOP, TABLES, block]


def test_fetch_that_is_stopped_sends_and_asks_nothing_more() -> None:
    share = share_that_fetches(FILE)
    share.received(ADA, wire.FileSeek(FILE.id, True), 0.0)
    share.received(ADA, wire.FileHave(FILE.id, True, b""), 0.0)
    share.poll_actions()
    share.stop(FILE.id, 0.0)
    assert said(share.poll_actions(), BOB) == [wire.FileSeek(FILE.id, False)]
    share.received(ADA, wire.FileBlock(FILE.id, 0, FILE.pieces[0]), 0.0)
    share.written(FILE.id, 0, True, 0.0)
    share.stop(FILE.id, 0.0)
    assert share.poll_actions() == []
    assert share.progress(FILE.id) is None


def test_forgotten_file_is_not_sent_any_more() -> None:
    share = keeper(BIG, ADA)
    share.received(ADA, wire.FileWant(BIG.id, tuple(range(64))), 0.0)
    share.poll_actions()
    share.forget(BIG.id, 0.0)
    share.piece_read(ADA, BIG.id, 0, b"x", 0.0)
    share.received(ADA, wire.FileWant(BIG.id, (0,)), 0.0)
    actions = share.poll_actions()
    assert not any(isinstance(action, ReadPiece) for action in actions)


def test_no_more_files_come_at_once_than_memory_allows() -> None:
    share = FileShare(OWN)
    files = [content(BLOCK, seed) for seed in range(MAX_FETCHES + 1)]
    begun = [share.begin(Tables(f.id, f.size), BlockSet(1), 0.0) for f in files]
    assert begun == [True] * MAX_FETCHES + [False]
    assert share.begin(Tables(files[0].id, BLOCK), BlockSet(1), 0.0)
    share.keep(files[0].id, BLOCK, 0.0)
    assert share.begin(Tables(files[0].id, BLOCK), BlockSet(1), 0.0)


def test_file_of_which_nothing_comes_makes_room_for_one_that_waits() -> None:
    network = FileNetwork()
    sender, other = network.peers_in_a_room(2)
    files = [content(BLOCK, seed) for seed in range(MAX_FETCHES + 1)]
    for file in files[:-1]:
        other.fetch(file)
    sender.has(files[-1])
    assert not other.fetch(files[-1])
    network.run(31)
    assert other.fetch(files[-1])
    assert other.put_off == [files[0].id]
    everybody_gets(network, files[-1], [other], 5)


def test_less_is_on_its_way_beside_video() -> None:
    share, file = share_that_fetches(BIG), BIG.id
    share.beside_video(True, 0.0)
    for peer in (ADA, BOB, EVE):
        share._fetches[file].source(peer, 0.0).window = 64.0
        share.received(peer, wire.FileHave(file, True, b""), 0.0)
    asked = [0]
    for step in range(200):
        share.handle_timer(step * 0.02)
        actions = share.poll_actions()
        asked.append(asked[-1] + sum(len(wanted(actions, peer)) for peer in (ADA, BOB, EVE)))
    assert asked[1] == AT_ONCE_BESIDE
    assert asked[25] < asked[-1] == IN_FLIGHT_BESIDE, "Not all at once either."


def test_file_of_which_all_is_there_is_done_at_once() -> None:
    share = FileShare(OWN)
    share.link_opened(ADA, 0.0)
    tables = Tables(FILE.id, FILE.size)
    share.begin(tables, BlockSet.whole(4), 0.0)
    actions = share.poll_actions()
    assert FileDone(FILE.id) in actions
    assert said(actions, ADA)[-1] == wire.FileHave(FILE.id, True, b"")


def test_many_blocks_are_told_of_in_several_messages() -> None:
    share, file = share_that_fetches(BIG), BIG.id
    share.received(BOB, wire.FileSeek(file, True), 0.0)
    share.poll_actions()
    for block in range(300):
        share.written(file, block, True, 0.0)
    share.handle_timer(0.1)
    told = [m for m in said(share.poll_actions(), BOB) if isinstance(m, wire.FileGot)]
    assert [len(m.blocks) for m in told] == [256, 44]


def test_delay_is_measured_anew_when_a_way_has_become_longer() -> None:
    source = FileSource(1000, 0.0)
    for number in range(200):
        now = 0.5 * number
        source.asked[number] = now
        source.arrived(number, now + (0.05 if number < 100 else 0.4))
    assert source.window > 8


def test_window_shrinks_once_for_each_time_on_the_way() -> None:
    source = FileSource(1000, 0.0)
    source.asked = dict.fromkeys(range(8), 0.0)
    source.arrived(0, 0.01)
    source.arrived(1, 0.5)
    source.arrived(2, 0.5)
    assert source.window == 5 * 0.75
    source.asked[9] = 2.0
    source.arrived(9, 2.01)
    assert 3.75 < source.window < 4.75, "It grows by one in a round trip now."
