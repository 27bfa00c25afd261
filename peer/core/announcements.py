"""STATUS: a peer's paths, its liveness and its free places, said on change and twice a second."""

from __future__ import annotations

from collections.abc import Mapping

from peer.core.children import Children
from peer.core.neighbour import NO_PART, Neighbour
from peer.core.upstreams import Upstreams
from peer.core.window import Window
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
        children: Children,
        window: Window,
        now: float,
    ) -> None:
        self._publisher = StripeStatus(True, False, (me[:4],))
        self._braid, self._stripes = braid, stripes
        self._upstreams, self._children, self._window = upstreams, children, window
        self._said: tuple[StripeStatus, ...] = ()
        self._last: list[StripeStatus] = [StripeStatus(False, False, ())] * stripes
        """Of each stripe what was found last, which is what will be found next unless something happens."""
        self._at = now

    def due(self, neighbours: Mapping[bytes, Neighbour], now: float) -> bool:
        """Whether it is time, or something has changed."""
        return now >= self._at or self._stripe_statuses(neighbours) != self._said

    def said(self, neighbours: Mapping[bytes, Neighbour], now: float) -> None:
        self._said = self._stripe_statuses(neighbours)
        self._at = now + STATUS_EVERY

    def encode(
        self, neighbours: Mapping[bytes, Neighbour], limit: int, carries: bool, leaving: bool
    ) -> bytes:
        """The STATUS message; `limit` is how many stripe children there may be."""
        free = max(0, min(255, limit - self._children.count())) if carries else 0
        newest = self._window.newest_complete if self._window.newest_complete >= 0 else NO_PART
        stripes = self._stripe_statuses(neighbours)
        return encode(Status(self._braid, self._window.epoch, newest, carries, leaving, free, stripes))

    def _stripe_statuses(self, neighbours: Mapping[bytes, Neighbour]) -> tuple[StripeStatus, ...]:
        if self._upstreams is None:
            return (self._publisher,) * self._stripes
        for stripe, up in enumerate(self._upstreams.stripes):
            path = self._upstreams.path(stripe, neighbours)
            last = self._last[stripe]
            fed = bool(path) and not up.starved
            if last.starved != up.starved or last.fed != fed or last.path != path:
                self._last[stripe] = StripeStatus(fed, up.starved, path)
        return tuple(self._last)
