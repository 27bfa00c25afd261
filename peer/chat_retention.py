"""How much of a room's chat is kept, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from peer.quantity import parse_amount, parse_time
from signaling.errors import ToldError


class RetentionError(ToldError, ValueError):
    """What was written is no age or size; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Messages that came at most `age` seconds ago, in a file of at most `size` bytes; None is no bound."""

    age: float | None = None
    size: int | None = 10**9


def parse_retention(age: str | None, size: str) -> Retention:
    """An age such as `30d` or `12h`, a size such as `500M` or `1G`. Raises RetentionError."""
    return Retention(None if age is None else _age(age), parse_size(size))


def _age(text: str) -> float:
    age = parse_time(text)
    if age is None:
        raise RetentionError(f"{text!r} is no age: give a number and s, m, h or d, such as 30d or 12h.")
    return age


def parse_size(text: str) -> int:
    """A size such as `500M` or `1G`. Raises RetentionError."""
    size = parse_amount(text)
    if size is None:
        raise RetentionError(f"{text!r} is no size: give bytes, such as 500M or 1G.")
    return size
