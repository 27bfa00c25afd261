"""Record the traces of the braid core: `python -m tests.vectors.record_braid [NAME]...`.

A trace is the life of one member of a swarm: how its core was made, each event with its arguments and `now`,
and what followed: the actions in their order and the next timer. Both languages replay them to the letter:
a change of the core on either side fails until the traces are recorded again and both have it.

Byte strings are kept once, in base64url, and named by their place in `blobs`; ids are hex. Of a part that is
delivered the first 8 bytes of its SHA-256 are kept, of a signature to be checked the seal that it is in.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from peer.core.actions import (
    Deliver,
    Equivocation,
    Fetch,
    Gap,
    Join,
    Links,
    Parity,
    Reject,
    Report,
    Send,
    Verify,
)
from peer.core.braid import Action, Braid
from peer.wire import Message
from tests.swarm import Member, Swarm

FOLDER = Path(__file__).parent / "braid"

EVENTS = {
    "buffer": ("seconds", "now"),
    "described": ("epoch", "now"),
    "drained": ("peer", "buffered", "now"),
    "fetch_failed": ("number", "gone", "now"),
    "fetched": ("number", "seal", "part", "now"),
    "handle_timer": ("now",),
    "join_failed": ("retry_after", "now"),
    "joined": ("parts", "now"),
    "leave": ("now",),
    "link_closed": ("peer", "now"),
    "link_opened": ("peer", "role", "now"),
    "link_quiet": ("peer", "quiet", "now"),
    "plan": ("sequence", "parents", "standbys", "children_limit", "now"),
    "plan_restarted": (),
    "publish": ("seal", "part", "now"),
    "received": ("peer", "message", "now"),
    "report_soon": ("now",),
    "set_carries": ("carries", "now"),
    "set_http_only": ("http_only",),
    "set_origins": ("origins",),
    "throttled": ("level", "now"),
    "verified": ("token", "ok", "now"),
}
"""The arguments of each event, in their order. A received message stands as its bytes alone."""


def hexed(peers: tuple[bytes | None, ...]) -> list[str | None]:
    return [None if peer is None else peer.hex() for peer in peers]


class Blobs:
    """Byte strings by the order of their first appearance."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}

    def place(self, blob: bytes) -> int:
        return self._places.setdefault(blob, len(self._places))

    def as_json(self) -> list[str]:
        return [urlsafe_b64encode(blob).rstrip(b"=").decode() for blob in self._places]


def argument_as_json(name: str, value: Any, blobs: Blobs) -> Any:
    match name:
        case "peer":
            return value.hex()
        case "parents" | "standbys":
            return hexed(value)
        case "seal" | "part" | "message":
            return blobs.place(value)
        case "parts":
            return [[blobs.place(seal), blobs.place(part)] for seal, part in value]
    return value


def action_as_json(action: Action, blobs: Blobs) -> list[Any]:
    match action:
        case Send(peer, data, channel):
            return ["send", peer.hex(), blobs.place(data), channel]
        case Verify(token, _, _, data, signature):
            return ["verify", token, blobs.place(data + signature)]
        case Reject(peer, reason, sentence):
            return ["reject", peer.hex(), reason, sentence]
        case Equivocation(first, second):
            return ["equivocation", blobs.place(first), blobs.place(second)]
        case Deliver(seal, data):
            return ["deliver", blobs.place(seal), sha256(data).hexdigest()[:16]]
        case Gap(parts):
            return ["gap", parts]
        case Join():
            return ["join"]
        case Fetch(epoch, number):
            return ["fetch", epoch, number]
        case Links(peers):
            return ["links", hexed(peers)]
        case Parity(wanted):
            return ["parity", wanted]
        case Report(parents, lost, failed, received_from, loss, slots, harmful):
            received = [[peer.hex(), size] for peer, size in received_from]
            names = (hexed(lost), hexed(failed))
            return ["report", hexed(parents), *names, received, loss, slots, hexed(harmful)]


def outcome_as_json(core: Braid) -> dict[str, Any]:
    """What is compared when a trace has ended."""
    return {
        "counters": dataclasses.asdict(core.counters),
        "parents": hexed(core.stripe_parents()),
        "children": [hexed(children) for children in core.stripe_children()],
        "window": [core.window.epoch, core.window.oldest, core.window.newest, core.window.bytes_held],
    }


class Recorder:
    """Stands in for a member's core from its birth on, and writes down what passes through."""

    def __init__(self, swarm: Swarm, member: Member, verify_delay: float = 0.0) -> None:
        self._swarm, self._member, self._verify_delay = swarm, member, verify_delay
        self._core = core = member.core
        self._blobs = Blobs()
        self._steps: list[list[Any]] = []
        self._pending: list[Action] = []
        self._setup = {
            "me": core.me.hex(),
            "publisher": core.publisher.hex(),
            "key": swarm.key.hex(),
            "braid": core.braid.hex(),
            "stripes": core._stripes,
            "part_duration": core._up._part_duration,
            "epoch": core.window.epoch,
            "now": swarm.now,
            "delivers": core._up._delivers,
            "carries": core.carries,
            "origins": core._up.startup.origins,
        }
        if core._probing._known is not None:
            self._setup["upload"] = True
        member.core = cast(Braid, self)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._core, name)
        if name not in EVENTS:
            return value

        def call(*arguments: Any) -> None:
            value(*arguments)
            self._note(name, arguments)

        return call

    def received(self, peer: bytes, message: Message, raw: bytes, now: float) -> None:
        self._core.received(peer, message, raw, now)
        self._note("received", (peer, raw, now))

    def poll_actions(self) -> list[Action]:
        """For the swarm. With `verify_delay` signatures are checked later, as a browser does."""
        actions, self._pending = self._pending, []
        if not self._verify_delay:
            return actions
        for action in actions:
            if isinstance(action, Verify):
                self._swarm.schedule(
                    self._swarm.now + self._verify_delay,
                    lambda token=action.token: self._verified(token),  # type: ignore[misc]
                )
        return [action for action in actions if not isinstance(action, Verify)]

    def _verified(self, token: int) -> None:
        self._core.verified(token, True, self._swarm.now)
        self._note("verified", (token, True, self._swarm.now))
        self._swarm.act(self._member)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        names = EVENTS[event]
        assert len(names) == len(arguments), event
        given = [argument_as_json(n, a, self._blobs) for n, a in zip(names, arguments, strict=True)]
        actions = self._core.poll_actions()
        self._pending += actions
        done = [action_as_json(action, self._blobs) for action in actions]
        self._steps.append([event, given, done, self._core.next_timer()])

    def write(self, name: str) -> None:
        """One line a step, so that a change of the core can be read in a diff."""
        steps = ",\n".join(json.dumps(step, separators=(",", ":")) for step in self._steps)
        blobs = ",\n".join(json.dumps(blob) for blob in self._blobs.as_json())
        text = (
            f'{{"setup":{json.dumps(self._setup)},\n"steps":[\n{steps}\n],\n'
            f'"end":{json.dumps(outcome_as_json(self._core))},\n"blobs":[\n{blobs}\n]}}\n'
        )
        (FOLDER / f"{name}.json").write_text(text)


def main(names: list[str]) -> None:
    from tests.vectors.braid_scenes import SCENES

    FOLDER.mkdir(exist_ok=True)
    scenes: dict[str, Callable[[], Recorder]] = SCENES
    for name in names or scenes:
        scenes[name]().write(name)


if __name__ == "__main__":
    main(sys.argv[1:])
