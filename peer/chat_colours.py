"""Colours on a terminal: who has the same key has the same colour, here and in a page."""

from __future__ import annotations

_HUES = (167, 172, 136, 100, 70, 35, 37, 38, 69, 99, 133, 168)
"""Of the 256 that terminals know: those that can be read on black and on white."""


class Colours:
    """None: for pipes, files and those who want none (https://no-color.org)."""

    def name(self, author: bytes, text: str) -> str:
        """The name of the peer with the id `author`."""
        return text

    def faint(self, text: str) -> str:
        """What is told besides what was said."""
        return text

    def strong(self, text: str) -> str:
        """What is meant for the reader."""
        return text


class TerminalColours(Colours):
    """By the escape sequences of ECMA-48: nothing that others wrote may hold any."""

    def name(self, author: bytes, text: str) -> str:
        hue = _HUES[int.from_bytes(author[:2]) % len(_HUES)]
        return f"\x1b[1;38;5;{hue}m{text}\x1b[0m"

    def faint(self, text: str) -> str:
        return f"\x1b[2m{text}\x1b[0m"

    def strong(self, text: str) -> str:
        return f"\x1b[1;7m{text}\x1b[0m"
