"""Peers that do not play by the rules: each attack is a real core with something changed at its edges.

A behaviour sees what its core sends and reports, may alter, drop or add to it, and acts at each tick. To
add one, write a class and name it in ATTACKS; nothing else knows of it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import msgspec

from peer import wire
from peer.simulator.codec import decode
from signaling.protocol import Report

if TYPE_CHECKING:
    from peer.core.actions import Channel
    from peer.simulator.peer import SimulatedPeer


class Behaviour:
    """Honest until a subclass says otherwise. `began` is when it first did something wrong to somebody."""

    name: ClassVar[str]
    harms_children: ClassVar[bool] = False
    """Whether what is wrong is what its children get, so that they are to leave it."""

    def __init__(self, peer: SimulatedPeer) -> None:
        self.peer = peer
        self.began: float | None = None
        self.left_alone_at: float | None = None
        """When it first had no children any more after it had begun."""

    def send(self, peer: bytes, data: bytes, channel: Channel) -> None:
        """The core wants this sent."""
        self.peer.links.send(peer, data, channel)

    def report(self, report: Report) -> Report:
        """What the introducer is told."""
        return report

    def tick(self, now: float) -> None:
        """Called every 50 ms."""

    def look(self, now: float) -> None:
        """Called at each step of the simulation: whether the children have gone."""
        if self.began is None or self.left_alone_at is not None:
            return
        if not self.peer.alive or not any(self.peer.core.stripe_children()):
            self.left_alone_at = now

    def _did(self) -> None:
        if self.began is None:
            self.began = self.peer.world.clock.now


class Polluter(Behaviour):
    """Changes the last byte of every block that it sends."""

    name = "polluters"
    harms_children = True

    def send(self, peer: bytes, data: bytes, channel: Channel) -> None:
        if channel == "blocks":
            self._did()
            data = data[:-1] + bytes((data[-1] ^ 1,))
        super().send(peer, data, channel)


class FreeRider(Behaviour):
    """Asks for a place as one that carries, and then refuses every child."""

    name = "freeriders"

    def tick(self, now: float) -> None:
        if self.peer.core.carries:
            self._did()
            self.peer.core.set_carries(False, now)


class Silent(Behaviour):
    """Takes children, says that all is well, and sends them nothing."""

    name = "silent"
    harms_children = True

    def send(self, peer: bytes, data: bytes, channel: Channel) -> None:
        if channel == "blocks":
            self._did()
        else:
            super().send(peer, data, channel)


class Stingy(Behaviour):
    """Sends of three parts one: just enough never to be silent for three parts."""

    name = "stingy"
    harms_children = True

    def send(self, peer: bytes, data: bytes, channel: Channel) -> None:
        message = decode(data) if channel == "blocks" else None
        if isinstance(message, wire.Block) and int.from_bytes(message.seal[17:21], "big") % 3:
            self._did()
        else:
            super().send(peer, data, channel)


class Liar(Behaviour):
    """Says in every STATUS that the publisher feeds it and that it has room, and sends nothing."""

    name = "liars"
    harms_children = True

    def send(self, peer: bytes, data: bytes, channel: Channel) -> None:
        if channel == "blocks":
            self._did()
            return
        message = decode(data)
        if isinstance(message, wire.Status):
            path = (self.peer.world.publisher.id[:4], self.peer.id[:4])
            stripes = tuple(wire.StripeStatus(True, False, path) for _ in message.stripes)
            newest = len(self.peer.world.timeline.at) - 1
            data = wire.encode(replace(message, carries=True, free=255, newest=newest, stripes=stripes))
        super().send(peer, data, channel)


class Flooder(Behaviour):
    """Asks every neighbour for the last 30 parts, twenty times a second."""

    name = "flooders"

    def tick(self, now: float) -> None:
        world = self.peer.world
        newest = len(world.timeline.at) - 1
        for peer in self.peer.links.peers:
            self._did()
            for number in range(max(0, newest - 30), newest):
                super().send(peer, wire.encode(wire.Want(world.braid, world.epoch, number, ())), "control")


class Replayer(Behaviour):
    """Sends blocks of some seconds ago instead of new ones."""

    name = "replayers"
    harms_children = True

    def __init__(self, peer: SimulatedPeer) -> None:
        super().__init__(peer)
        self._old: deque[bytes] = deque(maxlen=400)

    def send(self, peer: bytes, data: bytes, channel: Channel) -> None:
        if channel == "blocks":
            self._old.append(data)
            if len(self._old) == self._old.maxlen:
                self._did()
                data = self._old[0]
        super().send(peer, data, channel)


class Accuser(Behaviour):
    """Reports every neighbour as lost and out of reach."""

    name = "accusers"

    def report(self, report: Report) -> Report:
        others = [peer.hex() for peer in self.peer.links.peers][:16]
        if others:
            self._did()
        return msgspec.structs.replace(report, lost=others, failed=others)


class Colluder(Behaviour):
    """Confirms to have got a hundred megabytes from each of its kind, and pushes nothing itself."""

    name = "colluders"
    harms_children = True

    def send(self, peer: bytes, data: bytes, channel: Channel) -> None:
        if channel == "blocks":
            self._did()
        else:
            super().send(peer, data, channel)

    def report(self, report: Report) -> Report:
        friends = [
            peer.id.hex()
            for peer in self.peer.world.viewers()
            if peer.tag == self.name and peer is not self.peer
        ][:64]
        return msgspec.structs.replace(
            report, received_from={**report.received_from, **dict.fromkeys(friends, 100_000_000)}, loss=0.0
        )


ATTACKS: dict[str, type[Behaviour]] = {
    attack.name: attack
    for attack in (
        Polluter,
        FreeRider,
        Silent,
        Stingy,
        Liar,
        Flooder,
        Replayer,
        Accuser,
        Colluder,
    )
}
