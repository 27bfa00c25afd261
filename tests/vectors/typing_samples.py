"""Who is writing: what is told and heard, and what comes of it."""

from __future__ import annotations

from typing import Any, TypeAlias

from peer import wire_typing
from peer.core.chat_typing import Typing
from peer.wire import WireError

ANA, BOB = b"\xaa" * 16, b"\xbb" * 16
Step: TypeAlias = tuple[str, dict[str, Any]]

STEPS: list[Step] = [
    ("writes", {"on": False, "now": 0.0}),
    ("writes", {"on": True, "now": 0.0}),
    ("writes", {"on": True, "now": 2.9}),
    ("writes", {"on": True, "now": 3.0}),
    ("writes", {"on": False, "now": 3.1}),
    ("writes", {"on": True, "now": 3.2}),
    ("sent", {}),
    ("writes", {"on": False, "now": 3.3}),
    ("heard", {"peer": BOB, "on": True, "now": 4.0}),
    ("heard", {"peer": ANA, "on": True, "now": 5.0}),
    ("heard", {"peer": BOB, "on": True, "now": 6.0}),
    ("handle_timer", {"now": 10.9}),
    ("handle_timer", {"now": 11.0}),
    ("heard", {"peer": BOB, "on": False, "now": 11.5}),
    ("heard", {"peer": BOB, "on": False, "now": 11.5}),
    ("heard", {"peer": ANA, "on": True, "now": 11.5}),
    ("stopped", {"peer": ANA}),
    ("stopped", {"peer": ANA}),
]
MESSAGES = [b"\x46\x01", b"\x46\x00", b"\x46", b"\x46\x02", b"\x46\x01\x00"]


def typing() -> dict[str, Any]:
    """The document `typing.json`."""
    state, now, steps = Typing(), 0.0, list[dict[str, Any]]()
    for event, arguments in STEPS:
        now = arguments.get("now", now)
        answer = getattr(state, event)(**arguments)
        steps.append(
            {
                "event": event,
                **{
                    key: value.hex() if isinstance(value, bytes) else value
                    for key, value in arguments.items()
                },
                "answer": answer,
                "now": now,
                "peers": [peer.hex() for peer in state.peers(now)],
                "timer": state.next_timer(),
            }
        )
    return {
        "steps": steps,
        "messages": [{"data": data.hex(), "on": _read(data)} for data in MESSAGES],
    }


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value


def _read(data: bytes) -> bool | None:
    try:
        return wire_typing.decode(data)
    except WireError:
        return None
