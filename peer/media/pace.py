"""Time and stopping for the one thread that a source runs in."""

import threading
import time
from collections.abc import Callable

Clock = Callable[[], int]

_GIVE_UP = 1_000_000


class StoppedError(Exception):
    """The source was asked to stop."""


class Stop:
    """Asks a source's thread to end, and wakes it where it waits."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._wake: Callable[[], None] | None = None

    def set(self) -> None:
        """Ask; return at once. From any thread."""
        with self._lock:
            self._event.set()
            if self._wake is not None:
                self._wake()

    @property
    def asked(self) -> bool:
        """Whether it was asked."""
        return self._event.is_set()

    def check(self) -> None:
        """Raises StoppedError if asked to stop."""
        if self._event.is_set():
            raise StoppedError

    def wait(self, seconds: float) -> None:
        """Wait; raises StoppedError if asked to stop before or meanwhile."""
        if self._event.wait(max(0.0, seconds)):
            raise StoppedError

    def waking(self, wake: Callable[[], None] | None) -> None:
        """What unblocks the thread from a wait that is not ours, until called again with None."""
        with self._lock:
            self._wake = wake
            if wake is not None:
                self.check()


class Pacer:
    """Lets units of a recording go when they would have been captured, were it live."""

    def __init__(self, stop: Stop, clock: Clock) -> None:
        self._stop = stop
        self._origin: float | None = None
        self._clock = clock
        self._captured_origin = 0

    def wait(self, due: int, lead: int = 0) -> None:
        """Wait until media time `due` (µs) has come, less `lead`.

        What is more than a second late, after the machine slept or was too slow, moves all that follows.
        """
        now = time.monotonic()
        if self._origin is None:
            self._origin = now - due / 1e6
            self._captured_origin = self._clock() - due
        late = now - self._origin - (due - lead) / 1e6
        if late > _GIVE_UP / 1e6:
            self._origin += late
            self._captured_origin += round(late * 1e6)
        self._stop.wait(-late)

    def captured(self, time: int) -> int:
        """The publisher's clock when the frame at a media time was due, in µs."""
        return self._captured_origin + time
