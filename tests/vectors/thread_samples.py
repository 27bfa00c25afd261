"""Messages that answer each other, and what they go back to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peer.core.chat_threads import replies, roots


@dataclass(frozen=True, slots=True)
class Answering:
    id: bytes
    reply: bytes | None


SAMPLES: dict[str, list[tuple[int, int | None]]] = {
    "nobody has said anything": [],
    "nothing answers anything": [(1, None), (2, None)],
    "two threads that cross": [(1, None), (2, 1), (3, None), (4, 3), (5, 2), (6, 1), (7, 4)],
    "an answer that stands before what it answers": [(5, 2), (2, 1), (1, None), (3, 5)],
    "what was answered is not here": [(2, 9), (3, 2), (4, 9)],
    "no two honest messages can answer each other": [(1, 2), (2, 1), (3, 3)],
}


def threads() -> list[dict[str, Any]]:
    """The document `threads.json`."""
    documents = []
    for name, sample in SAMPLES.items():
        messages = [Answering(_id(id), None if reply is None else _id(reply)) for id, reply in sample]
        root_of = roots(messages)
        documents.append(
            {
                "name": name,
                "messages": [
                    {"id": message.id.hex(), "reply": None if message.reply is None else message.reply.hex()}
                    for message in messages
                ],
                "roots": {id.hex(): root.hex() for id, root in root_of.items()},
                "replies": {root.hex(): count for root, count in replies(root_of).items()},
            }
        )
    return documents


def _id(number: int) -> bytes:
    return bytes((number,)) * 32
