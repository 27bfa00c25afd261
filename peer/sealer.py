"""Turns what a source makes into sealed parts and the signed description of the stream. Without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from peer.description import Rendition, StreamDescription, init_text, sign_description
from peer.media.parts import InitSegment, MediaPart
from peer.parity import seal_parity
from peer.seal import Seal, SealedPart, seal_part
from peer.signing import Signer, braid_id

State = Literal["live", "offline", "ended"]

STRIPES = 4
INITS = 8
"""Init segments kept in the description; a source that changes more often begins a new epoch."""
EPOCH_ZERO = 1_704_067_200
"""2024-01-01 UTC, in seconds since 1970."""
INDEPENDENT, DISCONTINUITY, SEGMENT_START = 1, 2, 4


@dataclass(frozen=True, slots=True)
class StreamName:
    room: str
    stream: str
    title: str
    origins: tuple[str, ...]


class Sealer:
    """One rendition's seals, numbers and description. `wall` is the Unix time in seconds when it begins."""

    def __init__(
        self, identity: Signer, name: StreamName, part_duration: float, wall: float, stripes: int = STRIPES
    ) -> None:
        self._identity = identity
        self._name = name
        self._part_duration = part_duration
        self._stripes = stripes
        self._inits: list[bytes] = []
        self._rendition: Rendition | None = None
        self._braid = bytes(8)
        self._revision = 0
        self._state: State = "live"
        self.epoch = max(1, int(wall) - EPOCH_ZERO)
        self._number = 0
        self._segment = self.epoch
        """Segments last a second or more, so numbers that begin at the second of the start never go back."""
        self._index = -1
        self._init = 0
        self._previous = bytes(16)

    @property
    def rendition(self) -> Rendition | None:
        """What is sent; None before the first init segment."""
        return self._rendition

    def begin(self, init: InitSegment) -> None:
        """An init segment: the first, or another because the source has changed."""
        if init.data not in self._inits:
            if len(self._inits) == INITS:
                self._new_epoch()
            self._inits.append(init.data)
        name = f"{init.height}p" if init.video else "audio"
        rendition = Rendition(
            id=self._rendition.id if self._rendition is not None else name,
            codecs=init.codecs,
            width=init.width,
            height=init.height,
            frame_rate=init.frame_rate,
            bandwidth=init.bandwidth,
            stripes=self._stripes,
            inits=tuple(init_text(data) for data in self._inits),
        )
        self._init = self._inits.index(init.data)
        self._rendition = rendition
        self._braid = braid_id(self._identity.key, self._name.room, self._name.stream, rendition.id)

    def _new_epoch(self) -> None:
        self.epoch += 1
        self._inits.clear()
        self._number, self._previous = 0, bytes(16)

    def set_state(self, state: State) -> None:
        """`live`, `offline` (expected back) or `ended`."""
        self._state = state

    def description(self) -> bytes:
        """The signed description as of now; each call makes a newer revision."""
        self._revision += 1
        return sign_description(
            self._identity,
            StreamDescription(
                room=self._name.room,
                stream=self._name.stream,
                title=self._name.title,
                state=self._state,
                epoch=self.epoch,
                revision=self._revision,
                part_duration=self._part_duration,
                origins=self._name.origins,
                renditions=() if self._rendition is None else (self._rendition,),
            ),
        )

    def seal(self, part: MediaPart) -> SealedPart:
        """Number, cut and sign the next part."""
        if part.segment_start or self._index < 0:
            self._segment += 1
            self._index = 0
        else:
            self._index += 1
        draft = Seal(
            flags=INDEPENDENT * part.independent
            | DISCONTINUITY * part.discontinuity
            | SEGMENT_START * (self._index == 0),
            stripes=self._stripes,
            blocks=0,
            braid=self._braid,
            epoch=self.epoch,
            number=self._number,
            segment=self._segment,
            index=self._index,
            init=self._init,
            media_time=part.media_time,
            duration=part.duration,
            capture_time=part.capture_time,
            size=0,
            root=bytes(16),
            previous=self._previous,
        )
        sealed = seal_part(self._identity, draft, part.data)
        self._number += 1
        self._previous = sealed.seal.digest()
        return sealed

    def parity(self, sealed: SealedPart) -> SealedPart:
        """The companion of a part that was just sealed."""
        return seal_parity(self._identity, sealed)
