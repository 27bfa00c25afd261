"""One connection of a live source: an opened container and its packets, as they come or read ahead."""

import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

import av
from av.container import InputContainer
from av.stream import Discard

from peer.media.pace import Stop
from peer.media.units import Packet

log = logging.getLogger(__name__)

Streams = Sequence[av.VideoStream | av.AudioStream]

_MAX_AHEAD = 64 * 1024 * 1024
_MAX_PACKETS = 20_000
_JOIN = 0.3


class Connection(Protocol):
    """What a session reads from; used in the source's thread."""

    @property
    def container(self) -> InputContainer: ...

    @property
    def paced(self) -> bool:
        """The packets come in bursts: they are to be let go in their own time."""

    @property
    def finite(self) -> bool:
        """The source has an end of its own, after which nothing follows."""

    def packets(self, streams: Streams) -> Iterator[Packet]:
        """The packets of these streams until the connection ends. Raises FFmpegError or StoppedError."""

    def close(self) -> None:
        """Free what it holds."""


class Connector(Protocol):
    """How the connections of a live source come about; used in the source's thread."""

    @property
    def patience(self) -> float | None:
        """Seconds without a connection that works after which the source has ended; None waits for ever."""

    def connect(self) -> Connection | None:
        """The next connection; None if one failed and another may succeed.

        Raises:
            SourceError: none will succeed.
        """


class Arriving:
    """Packets come when they were sent."""

    paced = False

    def __init__(self, container: InputContainer, stop: Stop, *, finite: bool = False) -> None:
        self.container = container
        self.finite = finite
        self._stop = stop

    def packets(self, streams: Streams) -> Iterator[Packet]:
        for packet in self.container.demux(streams):
            self._stop.check()
            yield packet

    def close(self) -> None:
        self.container.close()


class ReadAhead:
    """Packets come in bursts, such as HLS segments: a thread fetches them while those before are let go."""

    paced = True

    def __init__(self, container: InputContainer, stop: Stop, *, finite: bool = False) -> None:
        self.container = container
        self.finite = finite
        self._stop = stop
        self._packets: deque[Packet] = deque()
        self._size = 0
        self._ended = False
        self._closing = False
        self._error: av.error.FFmpegError | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def packets(self, streams: Streams) -> Iterator[Packet]:
        for stream in self.container.streams:
            if stream not in streams:
                stream.discard = Discard.all  # other variants of an HLS playlist are not even fetched
        self._thread = threading.Thread(target=self._read, args=(streams,), name="media, ahead", daemon=True)
        self._thread.start()
        while True:
            self._stop.check()
            with self._changed:
                while not self._packets and not self._ended:
                    self._changed.wait(0.1)
                    self._stop.check()
                if not self._packets:
                    break
                packet = self._packets.popleft()
                self._size -= packet.size
                self._changed.notify()
            yield packet
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Give the thread a moment; one that is stuck in a read closes the container when that ends."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is None:
            self.container.close()
        else:
            self._thread.join(_JOIN)

    def _read(self, streams: Streams) -> None:
        try:
            for packet in self.container.demux(streams):
                with self._changed:
                    while self._is_full() and not self._closing:
                        self._changed.wait()
                    if self._closing:
                        break
                    self._packets.append(packet)
                    self._size += packet.size
                    self._changed.notify()
        except av.error.FFmpegError as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()
            while not self._closing:  # others still look at its streams
                with self._changed:
                    self._changed.wait()
            self.container.close()

    def _is_full(self) -> bool:
        return self._size >= _MAX_AHEAD or len(self._packets) >= _MAX_PACKETS


class Seen:
    """Remembers packets, to leave them out when a playlist that was opened again still has them."""

    def __init__(self) -> None:
        self._order: deque[tuple[int, int, int]] = deque()
        self._keys: set[tuple[int, int, int]] = set()

    def add(self, packet: Packet) -> bool:
        """Note a packet; return whether it was noted before."""
        key = (packet.stream_index, packet.pts or 0, packet.size)
        if key in self._keys:
            return True
        self._keys.add(key)
        self._order.append(key)
        if len(self._order) > _MAX_PACKETS:
            self._keys.discard(self._order.popleft())
        return False
