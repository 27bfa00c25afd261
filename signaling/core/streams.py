"""The streams of a room: each name belongs to the publisher who took it first."""

from dataclasses import dataclass

from signaling.description import Description
from signaling.protocol import ProtocolError, peer_id


@dataclass(slots=True)
class LiveStream:
    """A stream as last described. `abandoned_at` is when its publisher left."""

    key: bytes
    publisher: str
    text: str
    description: Description
    abandoned_at: float | None = None


class Streams:
    """Stream names and their owners."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._streams: dict[str, LiveStream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def get(self, name: str) -> LiveStream | None:
        """The stream of that name."""
        return self._streams.get(name)

    def all(self) -> list[LiveStream]:
        """All streams, the oldest first."""
        return list(self._streams.values())

    def announce(self, key: bytes, description: Description, text: str) -> LiveStream | None:
        """Take a description in; None when it says nothing new.

        Raises:
            ProtocolError: `refused`: the name is another publisher's, a newer description is known, or there
                are as many streams as the room takes.
        """
        name = description.stream
        old = self._streams.get(name)
        if old is None:
            if len(self._streams) >= self._most:
                raise ProtocolError("refused", f"The room has {self._most} streams; it takes no more.")
        elif old.key != key:
            raise ProtocolError(
                "refused", f"The stream {name} belongs to another publisher: choose another name (--stream)."
            )
        else:
            before = (old.description.epoch, old.description.revision)
            after = (description.epoch, description.revision)
            if after < before:
                raise ProtocolError("refused", f"A newer description of the stream {name} is known.")
            if after == before:
                back = old.abandoned_at is not None
                old.abandoned_at = None
                return old if back else None
        stream = LiveStream(key, peer_id(key).hex(), text, description)
        self._streams[name] = stream
        return stream

    def abandon(self, publisher: str, now: float) -> list[str]:
        """A publisher has left; returns the names of its streams, which are kept for a while."""
        names = [name for name, stream in self._streams.items() if stream.publisher == publisher]
        for name in names:
            self._streams[name].abandoned_at = now
        return names

    def expire(self, name: str, left_by: float) -> bool:
        """Drop a stream whose publisher left at `left_by` or before and is not back."""
        stream = self._streams.get(name)
        if stream is None or stream.abandoned_at is None or stream.abandoned_at > left_by:
            return False
        del self._streams[name]
        return True
