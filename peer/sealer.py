"""Turns what a source makes into sealed parts and the signed description of the stream. Without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec import structs

from peer.description import Rendition, StreamDescription, init_text, sign_description
from peer.media.parts import InitSegment, MediaPart
from peer.parity import seal_parity
from peer.seal import Seal, SealedPart, seal_part
from peer.signing import Signer, braid_id

State = Literal["live", "offline", "ended"]

STRIPES = 4
INITS = 8
"""Init segments of a rendition in the description; a source that changes more often begins a new epoch."""
INIT_BYTES = 18_000
"""Of all renditions together: in base64, they must leave room in a description for the rest."""
EPOCH_ZERO = 1_704_067_200
"""2024-01-01 UTC, in seconds since 1970."""
INDEPENDENT, DISCONTINUITY, SEGMENT_START = 1, 2, 4


@dataclass(frozen=True, slots=True)
class StreamName:
    room: str
    stream: str
    title: str
    origins: tuple[str, ...]


@dataclass(slots=True)
class _Chain:
    """One rendition: its seals follow each other."""

    rendition: Rendition
    braid: bytes
    inits: list[bytes]
    current: bytes
    previous: bytes = bytes(16)


class Sealer:
    """A stream's seals, numbers and description. `wall` is the Unix time in seconds when it begins.

    All renditions count together: the part with some number is the same moment in each.
    """

    def __init__(
        self, identity: Signer, name: StreamName, part_duration: float, wall: float, stripes: int = STRIPES
    ) -> None:
        self._identity = identity
        self._name = name
        self._part_duration = part_duration
        self._stripes = stripes
        self._chains: list[_Chain] = []
        self._revision = 0
        self._state: State = "live"
        self.epoch = max(1, int(wall) - EPOCH_ZERO)
        self._number = -1
        self._segment = self.epoch
        """Segments last a second or more, so numbers that begin at the second of the start never go back."""
        self._index = -1

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        """What is sent, the first rung first; none before the first init segment."""
        return tuple(chain.rendition for chain in self._chains)

    def begin(self, init: InitSegment) -> None:
        """An init segment: the first of its rung, or another because the source has changed."""
        if init.rung == len(self._chains):
            name = f"{init.height}p" if init.video else "audio"
            braid = braid_id(self._identity.key, self._name.room, self._name.stream, name)
            rendition = self._describe(name, init, [init.data])
            self._chains.append(_Chain(rendition, braid, [init.data], init.data))
            return
        chain = self._chains[init.rung]
        if init.data not in chain.inits:
            kept = [data for each in self._chains for data in each.inits]
            if len(chain.inits) == INITS or sum(map(len, kept)) + len(init.data) > INIT_BYTES:
                self._new_epoch()
                chain.inits.clear()
            chain.inits.append(init.data)
        chain.current = init.data
        chain.rendition = self._describe(chain.rendition.id, init, chain.inits)

    def _describe(self, name: str, init: InitSegment, inits: list[bytes]) -> Rendition:
        return Rendition(
            id=name,
            codecs=init.codecs,
            width=init.width,
            height=init.height,
            frame_rate=init.frame_rate,
            bandwidth=init.bandwidth,
            stripes=self._stripes,
            inits=tuple(init_text(data) for data in inits),
        )

    def _new_epoch(self) -> None:
        self.epoch += 1
        self._number = -1
        for chain in self._chains:
            chain.previous = bytes(16)
            chain.inits = [chain.current]
            chain.rendition = structs.replace(chain.rendition, inits=(init_text(chain.current),))

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
                renditions=self.renditions,
            ),
        )

    def seal(self, part: MediaPart) -> SealedPart:
        """Number, cut and sign the next part; the other rungs follow the first with the same one."""
        if part.rung == 0:
            self._number += 1
            if part.segment_start or self._index < 0:
                self._segment += 1
                self._index = 0
            else:
                self._index += 1
        chain = self._chains[part.rung]
        draft = Seal(
            flags=INDEPENDENT * part.independent
            | DISCONTINUITY * part.discontinuity
            | SEGMENT_START * (self._index == 0),
            stripes=self._stripes,
            blocks=0,
            braid=chain.braid,
            epoch=self.epoch,
            number=self._number,
            segment=self._segment,
            index=self._index,
            init=chain.inits.index(chain.current),
            media_time=part.media_time,
            duration=part.duration,
            capture_time=part.capture_time,
            size=0,
            root=bytes(16),
            previous=chain.previous,
        )
        sealed = seal_part(self._identity, draft, part.data)
        chain.previous = sealed.seal.digest()
        return sealed

    def parity(self, sealed: SealedPart) -> SealedPart:
        """The companion of a part that was just sealed."""
        return seal_parity(self._identity, sealed)
