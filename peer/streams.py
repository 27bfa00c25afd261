"""What is live in a room: the newest signed description of each stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from peer.description import StreamDescription, open_description
from peer.signing import braid_id, peer_id

STREAMS = 16


@dataclass(frozen=True, slots=True)
class KnownStream:
    """A description, the key that signed it, and its bytes."""

    key: bytes
    description: StreamDescription
    raw: bytes

    @property
    def name(self) -> str:
        return self.description.stream

    @property
    def publisher(self) -> bytes:
        return peer_id(self.key)

    def braid(self, rendition: str) -> bytes:
        """The braid id of a rendition."""
        return braid_id(self.key, self.description.room, self.description.stream, rendition)


class StreamDirectory:
    """Keeps the greatest (epoch, revision) of each stream; a pinned publisher key admits no other."""

    def __init__(self, room: str, pinned: bytes | None = None) -> None:
        self._room = room
        self._pinned = pinned
        self._streams: dict[str, KnownStream] = {}

    def __iter__(self) -> Iterator[KnownStream]:
        return iter(list(self._streams.values()))

    @property
    def is_live(self) -> bool:
        """Whether any of them is."""
        return any(known.description.state == "live" for known in self._streams.values())

    def get(self, name: str) -> KnownStream | None:
        return self._streams.get(name)

    def take(self, raw: bytes) -> KnownStream | None:
        """The stream if this is news. Raises DescriptionError when it is not genuine."""
        key, description = open_description(raw)
        if description.room != self._room or (self._pinned is not None and key != self._pinned):
            return None
        known = self._streams.get(description.stream)
        if known is None:
            if len(self._streams) >= STREAMS:
                return None
        elif known.key != key:
            # A name stays with the key that had it first until that has ended.
            if known.description.state != "ended":
                return None
        elif (description.epoch, description.revision) <= (
            known.description.epoch,
            known.description.revision,
        ):
            return None
        known = self._streams[description.stream] = KnownStream(key, description, raw)
        return known
