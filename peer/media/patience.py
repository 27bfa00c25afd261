"""How long to wait before a lost source is tried again, and when it is given up. Pure arithmetic."""

_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)


class Patience:
    """Pauses that grow to 4 s; counts from when the source was last seen to work."""

    def __init__(self, bound: float | None) -> None:
        """`bound` is how many seconds without success are the end of the source; None waits for ever."""
        self._bound = bound
        self._failures = 0
        self._since: float | None = None

    def renew(self) -> None:
        """The source works."""
        self._failures, self._since = 0, None

    def pause(self, now: float) -> float | None:
        """The seconds to wait after a failure noticed at `now` (any clock, in seconds); None to give up."""
        if self._since is None:
            self._since = now
        pause = _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        self._failures += 1
        if self._bound is not None and now + pause - self._since > self._bound:
            return None
        return pause
