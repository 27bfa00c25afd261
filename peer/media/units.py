"""What flows from a reader to the assembly: units of one track, still on the source's timeline."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import av

from peer.media.box import AudioTrack, VideoTrack
from peer.media.packager import Sample
from peer.media.timeline import Kind

if TYPE_CHECKING:
    Packet = av.Packet[Any]
else:
    Packet = av.Packet  # generic for type checkers only

Payload = Packet | av.VideoFrame | av.AudioFrame


class Track(Protocol):
    """One track of a source on its way to samples: encoded here, or passed through."""

    @property
    def kind(self) -> Kind: ...

    @property
    def bandwidth(self) -> int:
        """Target bit/s."""

    @property
    def frame_rate(self) -> float:
        """Frames a second of a video track, 0 for audio."""

    def config(self) -> VideoTrack | AudioTrack:
        """What the init segment says of this track; it may change after `write`."""

    def read(self, packet: Packet | None) -> "list[Unit]":
        """Take a packet of the source, None at its end; return what can be placed in time."""

    def write(self, unit: "Unit", time: int, capture_time: int) -> list[Sample]:
        """Take a unit at its media time (µs) and return the samples that it completes."""

    def resume(self, end: int) -> None:
        """Before the first `write`: an earlier track of this kind ended at this media time (µs)."""

    def fill(self, until: int, capture_time: int) -> list[Sample]:
        """The track is silent while the other goes on: cover the time until then (µs), if this kind of
        track can."""


@dataclass(slots=True)
class Unit:
    """A packet or a decoded frame; times in µs on the source's timeline."""

    track: Track
    time: int
    duration: int
    payload: Payload
    key: bool = False
    last: bool = False
    """The next picture is known to be a key frame."""

    @property
    def end(self) -> int:
        return self.time + self.duration


def microseconds(value: int, time_base: Fraction | None) -> int:
    """A time in some time base, in µs to the nearest."""
    if time_base is None:
        return value
    return (value * time_base.numerator * 2_000_000 + time_base.denominator) // (2 * time_base.denominator)
