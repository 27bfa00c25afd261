"""What is counted of a room that talks, and the figures of a run (docs/simulator.md)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from peer import wire
from peer.core.chat_limits import ChatLimits
from peer.core.chat_message import message_id
from peer.simulator.measures import Delays

if TYPE_CHECKING:
    from peer.simulator.chat_peer import ChatPeer
    from peer.simulator.chat_world import ChatWorld

Record = dict[str, Any]

AT_HOME = 5.0
"""Seconds after its first link from which a peer is expected to get what is said at once."""
PAGE = ChatLimits().newest
"""Messages that a newcomer is told of."""
TYPES = {
    wire.CHAT_HAVE: "have",
    wire.CHAT_WANT: "want",
    wire.CHAT_NEWS: "news",
    wire.CHAT_GRAFT: "graft",
    wire.CHAT_PRUNE: "prune",
    wire.CHAT_ROOT: "root",
}


@dataclass(slots=True)
class _Said:
    at: float
    present: set[bytes]
    """Who was at home when it was said."""
    heard: dict[bytes, int] = field(default_factory=dict)
    """How often it was delivered at whom."""
    copies: int = 0
    """That came to those who were at home."""


class ChatMeasures:
    """Of messages that were said since `begin`."""

    def __init__(self, world: ChatWorld) -> None:
        self.world = world
        self.delays = Delays()
        self.spoken = 0
        self.rejections = 0
        self._begun: float | None = None
        self._messages: dict[bytes, _Said] = {}
        self._history_copies = 0
        self._bytes = dict.fromkeys(TYPES, 0)
        self._message_bytes = 0
        self._member_seconds = 0.0
        self._last_at = 0.0

    def begin(self) -> None:
        """From here on it counts."""
        self._begun = self._last_at = self.world.clock.now

    def population(self) -> None:
        """Called at each step: how long how many were there."""
        now = self.world.clock.now
        self._member_seconds += len(self.world.peers) * (now - self._last_at)
        self._last_at = now

    def said(self, message: bytes, speaker: bytes) -> None:
        """Somebody has said something."""
        self.spoken += 1
        if self._begun is None:
            return
        now = self.world.clock.now
        at_home = {
            peer.id
            for peer in self.world.peers.values()
            if peer.linked_at is not None and now - peer.linked_at >= AT_HOME
        }
        self._messages[message] = _Said(now, at_home | {speaker}, {speaker: 1})

    def delivered(self, peer: ChatPeer, message: bytes) -> None:
        """A log shows it."""
        said = self._messages.get(message)
        if said is None:
            return
        times = said.heard[peer.id] = said.heard.get(peer.id, 0) + 1
        if times == 1 and peer.id in said.present:
            self.delays.add(self.world.clock.now - said.at)

    def copied(self, peer: ChatPeer, header: bytes) -> None:
        """A message came over a link."""
        said = self._messages.get(message_id(header))
        if said is None:
            return
        if peer.id in said.present:
            said.copies += 1
        else:
            self._history_copies += 1

    def sent(self, data: bytes) -> None:
        """A log sends this."""
        if self._begun is None:
            return
        if data[0] in self._bytes:
            self._bytes[data[0]] += len(data)
        else:
            self._message_bytes += len(data)

    def results(self) -> Record:
        """Everything that the same seed gives on any machine; under `machine` what depends on this one."""
        world, begun = self.world, self._begun
        assert begun is not None, "nothing was measured"
        seconds = world.clock.now - begun
        present = world.viewers()
        messages = len(self._messages)
        places = sum(len(said.present) - 1 for said in self._messages.values())
        missing = sum(
            peer.id in said.present and peer.id not in said.heard
            for said in self._messages.values()
            for peer in present
        )
        delays = self.delays
        record: Record = {
            "peers": world.options.viewers,
            "seconds": round(seconds, 3),
            "seed": world.seed,
            "present": round(self._member_seconds / seconds, 1),
            "messages": messages,
            "delivery": {
                "p50": delays.quantile(0.5),
                "p95": delays.quantile(0.95),
                "p99": delays.quantile(0.99),
                "max": delays.quantile(1.0),
            },
            "deliveries": delays.count,
            "missing": missing,
            "delivered_twice": sum(
                times > 1 for said in self._messages.values() for times in said.heard.values()
            ),
            "copies": _ratio(sum(said.copies for said in self._messages.values()), places),
            "history_copies": self._history_copies,
            "same_order": self._same_order(),
            "message_bytes": _ratio(self._message_bytes, places, 1),
            "control_bytes": _ratio(sum(self._bytes.values()), places, 1),
            "control": {name: _ratio(self._bytes[kind], places, 1) for kind, name in TYPES.items()},
            "links_per_peer": _ratio(sum(len(peer.links.peers) for peer in present), len(present), 2),
            "rejections": self.rejections,
            "introducer": {"received": world.desk.received, "sent": world.desk.sent},
        }
        record["digest"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:16]
        record["machine"] = {"events": world.clock.events}
        return record

    def _same_order(self) -> bool:
        """Whether each shows in the same order what it has, and has all of the last page."""
        now = self.world.clock.now
        logs = [
            peer.log.messages()
            for peer in self.world.viewers()
            if peer.linked_at is not None and now - peer.linked_at >= AT_HOME
        ]
        places = {entry.id: entry.place for log in logs for entry in log}
        whole = sorted(places, key=lambda message: places[message])
        for log in logs:
            ids = [entry.id for entry in log]
            has = set(ids)
            if ids != [message for message in whole if message in has] or ids[-PAGE:] != whole[-PAGE:]:
                return False
        return True


def _ratio(part: float, whole: float, digits: int = 4) -> float:
    return round(part / whole, digits) if whole else 0.0
