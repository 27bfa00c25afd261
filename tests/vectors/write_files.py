"""Writes the traces of the sharing of files: `python -m tests.vectors.write_files`.

Each file holds one share's steps: an event with its arguments and `now`, then the actions that must follow,
and the time of the next timer. Both languages replay them. Where a piece is the true one, `data` is "good":
both can make it, for the bytes of all files here follow from their sizes (`shared_files.octets`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from peer import wire_files as wire
from peer.core.actions import Send
from peer.core.block_set import BlockSet
from peer.core.file_actions import FileAction, WritePiece
from peer.core.file_share import FileShare
from peer.file_tables import TABLES, Tables
from peer.wire_files import BLOCK
from tests.unit.peer.core.file_network import FileNetwork
from tests.vectors.shared_files import Content, octets

FOLDER = Path(__file__).parent / "files"
Json: TypeAlias = Any

SMALL, MIDDLE, LARGE = (Content(octets(size)) for size in (5, 30 * BLOCK + 77, 520 * BLOCK))
FILES = {file.id: file for file in (SMALL, MIDDLE, LARGE)}


def plain(value: Any) -> Json:
    """`value` with bytes as hex digits, true pieces as "good", and objects with a type."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, Send):
        message = plain(wire.decode(value.data))
        return {"type": "Send", "peer": value.peer.hex(), "message": message, "channel": value.channel}
    if dataclasses.is_dataclass(value):
        fields = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        if isinstance(value, WritePiece | wire.FileBlock) and is_true(value):
            fields["data"] = "good"
        return {"type": type(value).__name__, **fields}
    return value


def is_true(piece: WritePiece | wire.FileBlock) -> bool:
    return FILES[piece.file].pieces.get(piece.piece) == piece.data


class RecordedShare(FileShare):
    """A share that writes down what happens to it."""

    def __init__(self, own: bytes) -> None:
        super().__init__(own)
        self.own = own
        self.steps: list[Json] = []
        self._depth = 0
        self._waiting: list[FileAction] = []

    def _record(self, event: str, now: float, call: Callable[[], Any], **arguments: Json) -> Any:
        self._depth += 1
        try:
            result = call()
        finally:
            self._depth -= 1
        if self._depth == 0:  # else the share calls itself
            actions = super().poll_actions()
            self._waiting += actions
            told = {"actions": [plain(action) for action in actions], "timer": timer(super().next_timer())}
            self.steps.append({"event": event, "now": now, **plain_all(arguments), **told})
        return result

    def poll_actions(self) -> list[FileAction]:
        if self._depth:
            return super().poll_actions()
        waiting, self._waiting = self._waiting, []
        return waiting

    def keep(self, file: bytes, size: int, now: float) -> None:
        call = super().keep
        self._record("keep", now, lambda: call(file, size, now), file=file, size=size)

    def begin(self, tables: Tables, have: BlockSet, now: float) -> bool:
        call = super().begin
        known = tuple(section for section in range(tables.sections) if section in tables)
        arguments = {"file": tables.file, "size": tables.size, "have": have.to_bytes()}
        arguments |= {"known": known, "top": tables.top is not None}
        begun: bool = self._record("begin", now, lambda: call(tables, have, now), **arguments)
        return begun

    def stop(self, file: bytes, now: float) -> None:
        call = super().stop
        self._record("stop", now, lambda: call(file, now), file=file)

    def forget(self, file: bytes, now: float) -> None:
        call = super().forget
        self._record("forget", now, lambda: call(file, now), file=file)

    def beside_video(self, on: bool, now: float) -> None:
        call = super().beside_video
        self._record("beside_video", now, lambda: call(on, now), on=on)

    def link_opened(self, peer: bytes, now: float) -> None:
        call = super().link_opened
        self._record("link_opened", now, lambda: call(peer, now), peer=peer)

    def link_closed(self, peer: bytes, now: float) -> None:
        call = super().link_closed
        self._record("link_closed", now, lambda: call(peer, now), peer=peer)

    def drained(self, peer: bytes, buffered: int, now: float) -> None:
        call = super().drained
        self._record("drained", now, lambda: call(peer, buffered, now), peer=peer, buffered=buffered)

    def received(self, peer: bytes, message: wire.OfFiles, now: float) -> None:
        call = super().received
        self._record("received", now, lambda: call(peer, message, now), peer=peer, message=message)

    def piece_read(self, peer: bytes, file: bytes, piece: int, data: bytes | None, now: float) -> None:
        call = super().piece_read
        arguments = {"peer": peer, "file": file, "piece": piece, "found": data is not None}
        self._record("piece_read", now, lambda: call(peer, file, piece, data, now), **arguments)

    def written(self, file: bytes, piece: int, ok: bool, now: float) -> None:
        call = super().written
        self._record("written", now, lambda: call(file, piece, ok, now), file=file, piece=piece, ok=ok)

    def handle_timer(self, now: float, late: float = 0.0) -> None:
        call = super().handle_timer
        self._record("handle_timer", now, lambda: call(now, late), late=late)


def plain_all(arguments: dict[str, Any]) -> Json:
    return {name: plain(value) for name, value in arguments.items()}


def timer(at: float) -> float | None:
    return None if at == float("inf") else at


class RecordedNetwork(FileNetwork):
    def share(self, own: bytes) -> FileShare:
        return RecordedShare(own)


def swarm(seed: int, whose: int) -> RecordedShare:
    """Four in a room: one sends, another lies, all fetch; what happened to one of them."""
    network = RecordedNetwork(seed)
    peers = network.peers_in_a_room(4)
    sender, liar, *others = peers
    for peer in (sender, liar):
        peer.has(MIDDLE)
    liar.tamper = lambda message: dataclasses.replace(message, data=b"x" + message.data[1:])
    late = network.peer("late")
    for peer in others:
        peer.fetch(MIDDLE)
    network.run(0.4)
    network.link_all([late, sender, others[0]])
    late.fetch(MIDDLE)
    network.run(0.4)
    network.leave(sender)
    network.run(15)
    return recorded([*peers, late][whose].share)


def large(whose: int, live: bool) -> RecordedShare:
    """Two sections, beside a video, first on an idle machine and then on a busy one, or not."""
    network = RecordedNetwork(5)
    peers = network.peers_in_a_room(3, rate=5_000_000)
    for peer in peers:
        peer.share.beside_video(live, network.now)
    peers[0].has(LARGE)
    for peer in peers[1:]:
        peer.fetch(LARGE)
    network.run(1.0)
    network.late = 0.03
    network.run(1.0 if live else 0.0)
    return recorded(peers[whose].share)


def alone() -> RecordedShare:
    """What others say and do, in order and out of order."""
    ada, bob = bytes(16), b"\x01" * 16
    share = RecordedShare(b"\x02" * 16)
    share.link_opened(ada, 0.0)
    share.link_opened(bob, 0.0)
    known = Tables(MIDDLE.id, MIDDLE.size)
    for piece in sorted(MIDDLE.pieces, reverse=True):
        if piece >= TABLES:
            known.take(piece, MIDDLE.pieces[piece])
    share.begin(known, BlockSet.of(31, (0, 7, 30)), 0.0)
    share.received(ada, wire.FileSeek(MIDDLE.id, True), 0.1)
    share.received(ada, wire.FileHave(MIDDLE.id, False, BlockSet.of(31, range(5, 29)).to_bytes()), 0.2)
    share.received(bob, wire.FileGot(MIDDLE.id, (3, 4)), 0.2)
    share.received(ada, wire.FileLater(MIDDLE.id, (8, 9, 10, 11)), 0.3)
    share.received(ada, wire.FileWant(MIDDLE.id, (0, 1, 7)), 0.4)
    share.piece_read(ada, MIDDLE.id, 0, MIDDLE.pieces[0], 0.4)
    share.piece_read(ada, MIDDLE.id, 7, None, 0.4)
    share.handle_timer(2.4)
    share.received(bob, wire.FileGot(MIDDLE.id, (31,)), 3.0)
    share.received(ada, wire.FileHave(MIDDLE.id, True, b""), 3.1)
    share.handle_timer(5.2)
    share.handle_timer(12.4)
    share.begin(Tables(SMALL.id, 6), BlockSet(1), 13.0)
    share.received(bob, wire.FileHave(SMALL.id, True, b""), 13.1)
    share.received(bob, wire.FileBlock(SMALL.id, 2**32 - 1, SMALL.pieces[2**32 - 1]), 13.2)
    share.keep(SMALL.id, 5, 14.0)
    share.received(bob, wire.FileSeek(SMALL.id, True), 14.0)
    share.received(bob, wire.FileWant(SMALL.id, (0, 1)), 14.0)
    share.received(ada, wire.FileWant(SMALL.id, (0,)), 14.1)
    share.received(ada, wire.FileWant(SMALL.id, (0,)), 14.2)
    share.forget(SMALL.id, 14.3)
    for _ in range(66):
        share.received(bob, wire.FileBlock(SMALL.id, 0, b"?"), 15.0)
    share.written(MIDDLE.id, 3, False, 16.0)
    share.stop(MIDDLE.id, 16.0)
    return share


def recorded(share: FileShare) -> RecordedShare:
    assert isinstance(share, RecordedShare)
    return share


SCENES: dict[str, Callable[[], RecordedShare]] = {
    "one_who_receives": lambda: swarm(1, 2),
    "one_who_sends": lambda: swarm(2, 0),
    "one_who_comes_late": lambda: swarm(3, 4),
    "a_large_file": lambda: large(1, False),
    "one_who_receives_beside_a_video": lambda: large(1, True),
    "one_who_sends_beside_a_video": lambda: large(0, True),
    "what_others_say": alone,
}


def trace(share: RecordedShare) -> bytes:
    sizes = [file.size for file in FILES.values()]
    document = {"own": share.own.hex(), "sizes": sizes, "steps": share.steps}
    return (json.dumps(document, separators=(",", ":")).replace('{"event"', '\n{"event"') + "\n").encode()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, scene in SCENES.items():
        (FOLDER / f"{name}.json").write_bytes(trace(scene()))
