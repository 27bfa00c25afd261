"""Decoded pictures and sound from the event loop to a source's thread, within a bound."""

import threading
from collections import deque
from dataclasses import dataclass

import av

from peer.media.pace import Stop

MAX_WAITING = 120
"""Frames of both kinds: about a second and a half."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Somebody sends."""

    video: bool
    audio: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture or sound, and when it came (µs, the publisher's clock)."""

    frame: av.VideoFrame | av.AudioFrame
    arrival: int


@dataclass(frozen=True, slots=True)
class Gone:
    """Nobody sends any more."""


Received = Begun | Frame | Gone


class Reception:
    """A queue; what is too much to wait is dropped, for it will never be on time."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._items: deque[Received] = deque()
        self._changed = threading.Condition()
        self.dropped = 0

    def put(self, item: Received) -> None:
        """From the loop."""
        with self._changed:
            if isinstance(item, Frame) and len(self._items) >= MAX_WAITING:
                self.dropped += 1
                return
            self._items.append(item)
            self._changed.notify()

    def get(self) -> Received:
        """From the thread: wait for the next. Raises StoppedError."""
        with self._changed:
            self._stop.check()
            while not self._items:
                self._changed.wait(0.1)
                self._stop.check()
            return self._items.popleft()
