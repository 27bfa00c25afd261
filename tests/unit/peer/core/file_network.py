"""Peers that share files over links in memory: uplinks with a rate, a virtual clock and one seed."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import sha256
from itertools import combinations

from peer import wire_files as wire
from peer.core.actions import Reject, Send
from peer.core.block_set import BlockSet
from peer.core.file_actions import (
    FileAction,
    FileDone,
    FileFailed,
    FilePutOff,
    FindCompany,
    ReadPiece,
    WritePiece,
)
from peer.core.file_share import FileShare
from peer.file_tables import TABLES, Tables, blocks_of
from tests.vectors.shared_files import Content

LOW_WATER = 64 * 1024
DELAY = 0.02
RATE = 1_250_000.0
"""Bytes a second that a peer can send: 10 Mbit/s."""


def content(size: int, seed: int = 1) -> Content:
    return Content(random.Random(seed).randbytes(size))


class Peer:
    """A share with what it keeps, what it sent and what it was told."""

    def __init__(self, network: FileNetwork, name: str, rate: float) -> None:
        self.name = name
        self.id = sha256(name.encode()).digest()[:16]
        self.share = network.share(self.id)
        self.kept: dict[bytes, dict[int, bytes]] = {}
        self.rate = rate
        self.free_at = 0.0
        self.links: dict[bytes, Peer] = {}
        self.buffered: Counter[bytes] = Counter()
        self.sent: Counter[bytes] = Counter()
        """Bytes of blocks that it sent, by file."""
        self.done: list[bytes] = []
        self.failed: list[tuple[bytes, str]] = []
        self.rejected: list[tuple[Peer, str]] = []
        self.put_off: list[bytes] = []
        self.lonely = 0
        self.tamper: Callable[[wire.FileBlock], wire.FileBlock] = lambda message: message
        self.writes = True
        self.most_buffered = 0
        self.alive = True
        self.timer = float("inf")
        self._network = network

    def act(self) -> None:
        self.timer = self.share.next_timer()
        for action in self.share.poll_actions():
            self._do(action)

    def _do(self, action: FileAction) -> None:
        network, now = self._network, self._network.now
        match action:
            case Send(peer, data, channel):
                if peer in self.links:
                    network.carry(self, self.links[peer], data, channel == "blocks")
            case ReadPiece(peer, file, piece):
                found = self.kept.get(file, {}).get(piece)
                network.at(now, lambda: self.share.piece_read(peer, file, piece, found, network.now), self)
            case WritePiece(file, piece, data):
                if self.writes:
                    self.kept.setdefault(file, {})[piece] = data
                ok = self.writes
                network.at(now + 0.001, lambda: self.share.written(file, piece, ok, network.now), self)
            case FileDone(file):
                self.done.append(file)
            case FileFailed(file, sentence):
                self.failed.append((file, sentence))
            case FilePutOff(file):
                self.put_off.append(file)
            case FindCompany():
                self.lonely += 1
            case Reject(peer, _, sentence):
                self.rejected.append((self.links[peer], sentence))
                network.part(self, self.links[peer])

    def has(self, file: Content) -> None:
        """It keeps the whole file."""
        self.kept[file.id] = dict(file.pieces)
        self.share.keep(file.id, file.size, self._network.now)
        self.act()

    def fetch(self, file: Content, size: int | None = None) -> bool:
        """Begin, or go on with what is kept of it."""
        tables = Tables(file.id, file.size if size is None else size)
        kept = self.kept.get(file.id, {})
        for piece in sorted(kept, reverse=True):
            if piece >= TABLES:
                tables.take(piece, kept[piece])
        have = BlockSet.of(tables.blocks, (piece for piece in kept if piece < TABLES))
        begun = self.share.begin(tables, have, self._network.now)
        self.act()
        return begun

    def got(self, file: Content) -> bytes:
        kept = self.kept.get(file.id, {})
        return b"".join(kept.get(block, b"") for block in range(blocks_of(file.size)))


class FileNetwork:
    """What happens, in order of time."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.late = 0.0
        """Seconds by which everybody is woken too late."""
        self.peers: list[Peer] = []
        self._events: list[tuple[float, int, Callable[[], object], Peer]] = []
        self._count = 0

    def share(self, own: bytes) -> FileShare:
        return FileShare(own)

    def peer(self, name: str, rate: float = RATE) -> Peer:
        peer = Peer(self, name, rate)
        self.peers.append(peer)
        return peer

    def peers_in_a_room(self, count: int, rate: float = RATE) -> list[Peer]:
        peers = [self.peer(f"peer {number}", rate) for number in range(count)]
        self.link_all(peers)
        return peers

    def link_all(self, peers: Iterable[Peer]) -> None:
        for one, other in combinations(peers, 2):
            self.link(one, other)

    def link(self, one: Peer, other: Peer) -> None:
        for peer, far in ((one, other), (other, one)):
            peer.links[far.id] = far
            peer.buffered[far.id] = 0
        for peer, far in ((one, other), (other, one)):
            peer.share.link_opened(far.id, self.now)
            peer.act()

    def part(self, one: Peer, other: Peer) -> None:
        for peer, far in ((one, other), (other, one)):
            if peer.links.pop(far.id, None) is not None:
                peer.share.link_closed(far.id, self.now)
                peer.act()

    def leave(self, peer: Peer) -> None:
        peer.alive = False
        for far in list(peer.links.values()):
            self.part(peer, far)

    def at(self, time: float, event: Callable[[], object], peer: Peer) -> None:
        self._count += 1
        heapq.heappush(self._events, (time, self._count, event, peer))

    def carry(self, sender: Peer, to: Peer, data: bytes, is_block: bool) -> None:
        """Blocks wait for the uplink one after another; what else there is is small."""
        left = self.now
        if is_block:
            message = wire.decode(data)
            assert isinstance(message, wire.FileBlock)
            message = sender.tamper(message)
            data = wire.encode(message)
            if message.piece < TABLES:
                sender.sent[message.file] += len(message.data)
            sender.free_at = left = max(sender.free_at, self.now) + len(data) / sender.rate
            sender.buffered[to.id] += len(data)
            sender.most_buffered = max(sender.most_buffered, sender.buffered[to.id])
            self.at(left, lambda: self._left(sender, to, len(data)), sender)
        decoded = wire.decode(data)

        def arrive() -> None:
            if sender.id in to.links:
                to.share.received(sender.id, decoded, self.now)

        self.at(left + DELAY + self.random.uniform(0, 0.005), arrive, to)

    def _left(self, sender: Peer, to: Peer, size: int) -> None:
        before = sender.buffered[to.id]
        sender.buffered[to.id] -= size
        if to.id in sender.links and sender.buffered[to.id] <= LOW_WATER < before:
            sender.share.drained(to.id, sender.buffered[to.id], self.now)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let so many seconds pass, or fewer when `until` says so."""
        end = self.now + seconds
        while self.now < end and not until():
            timers = [(peer.timer, number) for number, peer in enumerate(self.peers) if peer.alive]
            due, number = min(timers)
            if self._events and self._events[0][0] <= due:
                time, _, event, peer = heapq.heappop(self._events)
                if time > end:
                    self.at(time, event, peer)
                    self.now = end
                    return
                self.now = max(self.now, time)
                if peer.alive:
                    event()
                    peer.act()
            elif due > end:
                self.now = end
            else:
                self.now = max(self.now, due)
                peer = self.peers[number]
                for far in peer.links:
                    peer.share.drained(far, peer.buffered[far], self.now)
                peer.share.handle_timer(self.now, self.late)
                peer.act()
