"""STATUS: a peer's paths, its liveness and its free places, said twice a second, and to children on change.

Telling all of every change cost a crowd an eighth of its uploads: changes run down the trees, and each peer
has far more links than children.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from peer.core.neighbour import NO_PART
from peer.core.upstreams import Upstreams
from peer.core.window import Window
from peer.seal import MAX_STRIPES
from peer.wire import Status, StripeStatus, encode

STATUS_EVERY = 0.5


class Announcements:
    """When to say what of ourselves. A publisher has no `upstreams`."""

    def __init__(
        self,
        me: bytes,
        braid: bytes,
        stripes: int,
        upstreams: Upstreams | None,
        window: Window,
        now: float,
    ) -> None:
        self._publisher = StripeStatus(True, False, (me[:4],))
        self._braid, self._upstreams, self._window = braid, upstreams, window
        self._stripes = min(stripes + 1, MAX_STRIPES)
        """Those that a publisher has: its parity, too, unless there is no number left for it."""
        self._said: tuple[StripeStatus, ...] = ()
        self._last: list[StripeStatus] = [StripeStatus(False, False, ())] * (stripes + 1)
        """Of each stripe what was found last, which is what will be found next unless something happens."""
        self._at = now

    def due(self, now: float) -> bool:
        """Whether it is time to tell everybody."""
        return now >= self._at

    def changed(self) -> bool:
        """Whether what our children stand on is other than it was."""
        return self._stripe_statuses() != self._said

    def said(self, now: float) -> None:
        """Everybody was told."""
        self.said_to_children()
        self._at = now + STATUS_EVERY

    def said_to_children(self) -> None:
        self._said = self._stripe_statuses()

    def encode(self, free: int, carries: bool, leaving: bool, feeds: Sequence[bool]) -> bytes:
        """The STATUS message; `free` is how many stripe children there may be besides those that are, and
        `feeds` whether there are some, by stripe."""
        newest = self._window.newest_complete if self._window.newest_complete >= 0 else NO_PART
        stripes = tuple(
            replace(state, feeds=True) if feeding else state
            for state, feeding in zip(self._stripe_statuses(), feeds, strict=False)
        )
        return encode(Status(self._braid, self._window.epoch, newest, carries, leaving, free, stripes))

    def _stripe_statuses(self) -> tuple[StripeStatus, ...]:
        if self._upstreams is None:
            return (self._publisher,) * self._stripes
        taken = self._upstreams.taken()
        for stripe, up in enumerate(self._upstreams.stripes[:taken]):
            path = self._upstreams.path(stripe)
            last = self._last[stripe]
            fed = bool(path) and not up.starved
            if last.starved != up.starved or last.fed != fed or last.path != path:
                self._last[stripe] = StripeStatus(fed, up.starved, path)
        return tuple(self._last[:taken])
