"""The messages that stand on a screen, so that a line can be about one of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from peer.core.chat_acts import ChatError
from peer.core.chat_message import Entry

REMEMBERED = 500


class Recent:
    """The last texts that were shown, as they are now, in the order in which they were shown."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=REMEMBERED)

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)

    def revise(self, id: bytes, entry: Entry | None) -> Entry | None:
        """What the message with that id is now. Returns what it was."""
        for place, known in enumerate(self._entries):
            if known.id == id:
                if entry is None:
                    del self._entries[place]
                else:
                    self._entries[place] = entry
                return known
        return None

    def get(self, id: bytes | None) -> Entry | None:
        return next((entry for entry in self._entries if entry.id == id), None)


def find(history: Sequence[Entry], words: str, whose: str) -> tuple[Entry, str]:
    """The message that `^3 the rest` is about, the third from the end of `history`, and the rest.

    Without ^ it is the last one. `whose` says in the complaint whose messages these are. Raises ChatError.
    """
    first, _, rest = words.strip().partition(" ")
    back, rest = (first[1:], rest) if first.startswith("^") else ("1", words)
    if not back.isascii() or not back.isdigit() or int(back[:9]) == 0:
        raise ChatError(f"{first[:80]} names no message: ^1 is the last one, ^2 the one before that.")
    if len(history) < int(back[:9]):
        raise ChatError(f"There are only {len(history)} messages of {whose} here.")
    return history[-int(back)], rest.strip()
