"""Writes the traces of introductions through neighbours: `python -m tests.vectors.write_introductions`.

Each file holds the set-up of one core and its steps: an event with its arguments (bytes as hex, messages as
they are sent) and `now`, then the actions that must follow and the time of the next timer. Both languages
replay them. The others of a scene are real cores, or say what the scene has them say.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from peer.core.introduction_actions import IntroductionAction
from peer.core.introductions import Introductions
from peer.peer_record import PeerRecord, signed_by_peer
from peer.signing import TAG_PEER
from peer.wire_introductions import (
    MAX_STEPS,
    Peers,
    RelayCandidate,
    RelayFailed,
    RelayOffer,
    Shuffle,
    Told,
    encode,
)
from tests.unit.peer.core.introduction_network import (
    IntroductionNetwork,
    Someone,
    identity,
    messages_to,
    nonce,
)

FOLDER = Path(__file__).parent / "introductions"
CHANCE = [0.5, 0.25, 0.75, 0.125, 0.0, 0.875, 0.375, 0.625, 0.9375, 0.3125]
EVENTS = {name for name in vars(Introductions) if name[0] != "_"} - {"poll_actions", "next_timer"}
Json: TypeAlias = Any


def plain(value: Any) -> Json:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, PeerRecord):
        return {"peer": value.peer.hex(), "nonce": value.nonce.hex(), "role": value.role}
    if dataclasses.is_dataclass(value):
        return encode(value).hex()  # type: ignore[arg-type]
    return value


def action_as_json(action: IntroductionAction) -> Json:
    name = type(action).__name__
    fields = {field.name: plain(getattr(action, field.name)) for field in dataclasses.fields(action)}
    return {"type": name[0].lower() + name[1:], **fields}


class RecordedIntroductions(Introductions):
    """A core that writes down what happens to it."""

    def __init__(self, *setup: Any) -> None:
        self.steps: list[Json] = []
        self._waiting: list[IntroductionAction] = []
        self._deep = False
        super().__init__(*setup)

    def poll_actions(self) -> list[IntroductionAction]:
        if self._deep:
            return super().poll_actions()
        actions, self._waiting = self._waiting, []
        return actions

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return self._recorded(name, found) if name in EVENTS else found

    def _recorded(self, event: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def record(*arguments: Any) -> Any:
            self._deep = True
            result = call(*arguments)
            actions = self.poll_actions()
            self._deep = False
            self._waiting += actions
            done = [action_as_json(action) for action in actions]
            self.steps.append([event, plain(arguments), done, self.next_timer(), result])
            return result

        return record


class Scene:
    """A network in which one peer is recorded: the last that came."""

    def __init__(self, count: int, links: int, limit: int = 12) -> None:
        self.network = IntroductionNetwork()
        self.others = self.network.company(count, links)
        self.network.run(20.0)
        self.began = self.network.now
        self.limit = limit
        self.someone = Someone(
            self.network, 250, RecordedIntroductions, limit, 5_000, itertools.cycle(CHANCE).__next__
        )
        self.network.add(self.someone)

    def link(self, *others: int) -> None:
        for other in others:
            self.network.link(self.someone.id, self.others[other].id)

    def trace(self) -> tuple[Json, list[Json], list[int]]:
        core = self.someone.core
        assert isinstance(core, RecordedIntroductions)
        setup = {
            "key": self.someone.identity.key.hex(),
            "nonce": self.someone.nonce.hex(),
            "room": "demo",
            "role": "viewer",
            "limit": self.limit,
            "wall_ms": 5_000,
            "chance": CHANCE,
            "now": self.began,
        }
        gossip, relaying = core.gossip, core.relaying
        counters = [gossip.taken, gossip.forged, gossip.stale, gossip.ignored]
        counters += [relaying.relayed, relaying.refused, relaying.strayed]
        return setup, core.steps, counters


def outage_is_mended_and_ends() -> Scene:
    scene = Scene(9, 2)
    network, someone = scene.network, scene.someone
    scene.link(0, 1, 2)
    network.run(6.0)
    network.signaling_up(False)
    network.run(6.0)
    network.kill(scene.others[0])
    network.run(4.0)
    someone.core.hungry(True, network.now)
    someone.act()
    network.run(4.0)
    someone.core.hungry(False, network.now)
    someone.core.set_limit(6)
    network.cut(someone.id, scene.others[1].id, left=True)
    network.run(2.0)
    network.signaling_up(True)
    network.run(1.0)
    for other in scene.others:
        network.cut(someone.id, other.id)
    network.run(62.0)
    return scene


def offer_is_passed_on_with_all_that_follows() -> Scene:
    scene = Scene(2, 0)
    network = scene.network
    scene.link(0, 1)
    network.run(2.0)
    first, last = scene.others
    connection = first.offer(last.id)
    network.run(0.1)
    for peer in (first, last):
        peer.core.send_candidate(RelayCandidate(connection, 0, "0", "candidate:1"), network.now)
        peer.act()
    network.run(0.1)
    network.cut(first.id, last.id)
    network.takes_offers = False
    connection = first.offer(last.id)
    network.run(0.1)
    last.core.refuse(connection, network.now)
    last.act()
    network.run(0.1)
    first.offer(last.id)
    network.run(0.1)
    network.cut(scene.someone.id, last.id)
    network.run(0.1)
    return scene


def own_offers_are_answered_refused_and_lost() -> Scene:
    scene = Scene(3, 2)
    network, someone = scene.network, scene.someone
    scene.link(0)
    network.run(2.0)
    network.takes_offers = False
    someone.offer(scene.others[1].id)
    network.run(0.1)
    connection = someone.offer(scene.others[1].id)
    network.run(0.1)
    scene.others[1].core.refuse(connection, network.now)
    scene.others[1].act()
    network.run(0.1)
    connection = someone.offer(scene.others[1].id)
    someone.core.send_candidate(RelayCandidate(connection, 0, "0", ""), network.now)
    someone.core.connection_closed(connection, network.now)
    someone.act()
    someone.offer(scene.others[1].id)
    network.takes_offers = True
    scene.others[2].offer(someone.id)
    network.run(0.1)
    messages_to(network, someone.id, *(RelayCandidate(connection, 0, "0", "candidate:1") for _ in range(2)))
    someone.core.unreachable(scene.others[1].id, network.now)
    someone.core.expelled(scene.others[1].id, network.now)
    someone.act()
    network.run(8.0)
    return scene


def floods_loops_and_strays_are_refused() -> Scene:
    scene = Scene(2, 0)
    network, someone = scene.network, scene.someone
    scene.link(0, 1)
    network.run(0.5)
    to = scene.others[1].id

    def offer(number: int, connection: bytes, hops: int = MAX_STEPS) -> RelayOffer:
        return RelayOffer(hops, connection, to, identity(number).key, nonce(number), bytes(64), "v=0")

    messages_to(network, someone.id, offer(60, b"connect0"), offer(60, b"connect0"))
    messages_to(network, someone.id, offer(61, b"connect1", hops=0), offer(250, b"connect2"))
    messages_to(network, someone.id, *(offer(62, bytes([index]) * 8) for index in range(20)))
    messages_to(network, someone.id, RelayFailed(b"connect0", 1), RelayFailed(b"nothing0", 1))
    messages_to(network, someone.id, *(RelayCandidate(b"connect0", 0, "0", "x") for _ in range(66)))
    messages_to(network, someone.id, *(Shuffle(walk, 2, ()) for walk in range(1, 20)))
    network.run(1.0)
    return scene


def forged_and_replayed_records_are_not_believed() -> Scene:
    scene = Scene(3, 0)
    network, someone = scene.network, scene.someone
    scene.link(0, 1, 2)
    network.run(1.0)
    body = PeerRecord(identity(70).key, nonce(70), 9, "relay", True, (), b"credential").body()
    true = someone.core.gossip._raw or b""
    good = body + identity(70).sign(TAG_PEER, signed_by_peer("demo", body))
    for age in (60_000, 59_000, 0):
        messages_to(network, someone.id, Peers(0, (Told(0, age, good), Told(1, 0, true))))
    network.run(2.0)
    messages_to(network, someone.id, Peers(0, (Told(0, 0, good), Told(0, 0, b"\x02later"))))
    messages_to(network, someone.id, Peers(0, (Told(0, 0, b"\x01bad"),)))
    network.run(1.0)
    forged = good[:58] + b"\x63" + good[59:]
    messages_to(network, someone.id, Peers(0, (Told(0, 0, forged),)))
    network.run(1.0)
    return scene


SCENES: list[Callable[[], Scene]] = [
    outage_is_mended_and_ends,
    offer_is_passed_on_with_all_that_follows,
    own_offers_are_answered_refused_and_lost,
    floods_loops_and_strays_are_refused,
    forged_and_replayed_records_are_not_believed,
]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for scene in SCENES:
        setup, steps, counters = scene().trace()
        lines = ",\n".join("  " + json.dumps(step, separators=(",", ":")) for step in steps)
        head = f'{{"setup": {json.dumps(setup)},\n "counters": {json.dumps(counters)},\n'
        text = f'{head} "steps": [\n{lines}\n]}}\n'
        (FOLDER / f"{scene.__name__}.json").write_text(text)


if __name__ == "__main__":
    main()
