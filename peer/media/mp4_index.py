"""The sample tables of a recording, without I/O: they make a plain MP4 of a fragmented one, in place.

A recording is written as fragments, and can be played whenever its writer is killed. In front of its moov
lies a small `free` box. At the end a moov that names every sample is appended, and that `free` box becomes
the header of an `mdat` that spans all up to it, fragments and all: nothing is copied, however long it is.

Section numbers are of ISO/IEC 14496-12.
"""

import struct
from array import array
from collections.abc import Iterator

from peer.media.box import box, full_box

RESERVE = struct.pack(">I4sQ", 16, b"free", 0)
"""What lies between ftyp and moov while a recording runs."""
_NOT_SYNC = 0x00010000  # sample_is_non_sync_sample (8.8.3.1)
_ENTRIES = 1_000_000
"""A fragment that claims more samples is none of ours."""


class Mp4Error(ValueError):
    """Not what a publisher of ours makes; in one sentence."""


class _Track:
    """The samples of one track so far; about four bytes each."""

    def __init__(self, number: int, kind: bytes, timescale: int, trak: bytes) -> None:
        self.number = number
        self.kind = kind
        self.timescale = timescale
        self.trak = trak
        self.begin: int | None = None
        """Decode time of the first sample, in the timescale."""
        self.end = 0
        """Decode time after the last one."""
        self._sizes = array("I")
        self._durations: list[list[int]] = []
        """Runs of samples as long as each other: how many, how long (8.6.1.2)."""
        self._keys = array("I")
        self._chunks = array("Q")
        self._together: list[tuple[int, int]] = []
        """From which chunk on how many samples are in one (8.7.4)."""

    def add(self, time: int, place: int, samples: list[tuple[int, int, bool]]) -> None:
        """A run of samples: duration, size, whether it is a sync sample; they lie one after the other."""
        if self.begin is None:
            self.begin = self.end = time
        gap = time - self.end
        if gap > 0 and self._durations:
            self._stretch(gap)
        self._chunks.append(place)
        if not self._together or self._together[-1][1] != len(samples):
            self._together.append((len(self._chunks), len(samples)))
        for duration, size, key in samples:
            self._sizes.append(size)
            if key:
                self._keys.append(len(self._sizes))
            self._lengthen(1, duration)
            self.end += duration

    def trak_box(self, timescale: int, start: float) -> bytes:
        """The finished track (8.3) in a movie of this timescale that begins at `start` (s of media time)."""
        began, duration = self.begin or 0, self.end - (self.begin or 0)
        offset = round((began / self.timescale - start) * timescale)
        lasts = round(duration / self.timescale * timescale)
        edits = [(lasts, 0)] if offset <= 0 else [(offset, -1), (lasts, 0)]
        entries = b"".join(struct.pack(">Qqi", length, time, 0x10000) for length, time in edits)
        content = []
        for kind, body in boxes(self.trak):
            if kind == b"tkhd":
                content.append(_tkhd(body, lasts + max(0, offset)))
                content.append(
                    box(b"edts", full_box(b"elst", 1, 0, struct.pack(">I", len(edits)), entries))  # 8.6.6
                )
            elif kind == b"mdia":
                content.append(box(b"mdia", *self._mdia(body, duration)))
        return box(b"trak", *content)

    def _mdia(self, body: bytes, duration: int) -> Iterator[bytes]:
        for kind, inner in boxes(body):
            if kind == b"mdhd":
                language = inner[32:36] if inner[0] == 1 else inner[20:24]
                times = struct.pack(">QQIQ", 0, 0, self.timescale, duration)
                yield full_box(b"mdhd", 1, 0, times, language)
            elif kind == b"minf":
                yield box(
                    b"minf",
                    *(
                        box(b"stbl", *self._stbl(deep)) if name == b"stbl" else box(name, deep)
                        for name, deep in boxes(inner)
                    ),
                )
            else:
                yield box(kind, inner)

    def _stbl(self, body: bytes) -> Iterator[bytes]:
        """8.5, 8.6.1.2, 8.6.2, 8.7: description, durations, sync samples, chunks, sizes, places."""
        yield from (box(kind, inner) for kind, inner in boxes(body) if kind == b"stsd")
        yield _table(b"stts", [value for run in self._durations for value in run], 2)
        if len(self._keys) != len(self._sizes):
            yield _table(b"stss", self._keys, 1)
        yield _table(b"stsc", [value for chunk, count in self._together for value in (chunk, count, 1)], 3)
        sizes = _big_endian(self._sizes)
        yield full_box(b"stsz", 0, 0, struct.pack(">II", 0, len(self._sizes)), sizes)
        places = _big_endian(self._chunks)
        yield full_box(b"co64", 0, 0, struct.pack(">I", len(self._chunks)), places)

    def _lengthen(self, count: int, duration: int) -> None:
        if self._durations and self._durations[-1][1] == duration:
            self._durations[-1][0] += count
        else:
            self._durations.append([count, duration])

    def _stretch(self, gap: int) -> None:
        """The last sample lasts until what comes after a hole."""
        last = self._durations[-1]
        if last[1] + gap >= 1 << 32:
            raise Mp4Error("A hole is longer than a sample can be.")
        last[0] -= 1
        if not last[0]:
            self._durations.pop()
        self._lengthen(1, last[1] + gap)
        self.end += gap


class Mp4Index:
    """The samples of a recording with one init segment."""

    def __init__(self, init: bytes) -> None:
        """Begin with an init segment. Raises Mp4Error."""
        parts = dict(boxes(init))
        if b"ftyp" not in parts or b"moov" not in parts:
            raise Mp4Error("An init segment has an ftyp and a moov.")
        self.head = box(b"ftyp", parts[b"ftyp"]) + RESERVE + box(b"moov", parts[b"moov"])
        """What the file begins with."""
        self.reserve = 8 + len(parts[b"ftyp"])
        """Where the `free` box is that becomes an `mdat`."""
        self._tracks: dict[int, _Track] = {}
        self._mvhd = b""
        for kind, body in boxes(parts[b"moov"]):
            if kind == b"mvhd":
                self._mvhd = body
            elif kind == b"trak":
                track = _read_track(body)
                self._tracks[track.number] = track
        if not self._tracks or len(self._mvhd) < 100:
            raise Mp4Error("The moov of an init segment has a header and tracks.")

    def add(self, fragments: bytes, position: int) -> None:
        """Note the samples of a part that begins at this position of the file. Raises Mp4Error."""
        at = 0
        for kind, body in boxes(fragments):
            if kind == b"moof":
                for name, traf in boxes(body):
                    if name == b"traf":
                        self._add_run(traf, position + at)
            at += 8 + len(body)

    @property
    def duration(self) -> float:
        """Seconds from the first sample of any track to the end of the last."""
        begun = [track for track in self._tracks.values() if track.begin is not None]
        if not begun:
            return 0.0
        return max(track.end / track.timescale for track in begun) - self._start

    def moov(self) -> bytes:
        """The box that names every sample, to stand at the end of the file."""
        timescale = struct.unpack_from(">I", self._mvhd, 20 if self._mvhd[0] == 1 else 12)[0]
        tail = self._mvhd[32 if self._mvhd[0] == 1 else 20 :]
        lasts = round(self.duration * timescale)
        header = full_box(b"mvhd", 1, 0, struct.pack(">QQIQ", 0, 0, timescale, lasts), tail)
        begun = (track for track in self._tracks.values() if track.begin is not None)
        return box(b"moov", header, *(track.trak_box(timescale, self._start) for track in begun))

    def wrapping(self, end: int) -> bytes:
        """What replaces the `free` box when the moov stands at `end`: an mdat up to there (8.1.1)."""
        return struct.pack(">I4sQ", 1, b"mdat", end - self.reserve)

    @property
    def _start(self) -> float:
        begins = [track.begin / track.timescale for track in self._tracks.values() if track.begin is not None]
        return min(begins, default=0.0)

    def _add_run(self, traf: bytes, moof: int) -> None:
        """8.8.7, 8.8.8, 8.8.12: a run of samples that says everything itself, as our fragments do."""
        track, time, flags = None, None, 0
        for kind, body in boxes(traf):
            try:
                if kind == b"tfhd":
                    bits, number = struct.unpack_from(">II", body)
                    track = self._tracks.get(number)
                    flags = struct.unpack_from(">I", body, 8)[0] if bits & 0x3F == 0x20 else 0
                elif kind == b"tfdt":
                    time = struct.unpack_from(">Q" if body[0] == 1 else ">I", body, 4)[0]
                elif kind == b"trun" and track is not None and time is not None:
                    if track.begin is not None and time < track.end:
                        raise Mp4Error("A fragment begins before the end of the one before it.")
                    place, samples = _read_run(body, flags)
                    track.add(time, moof + place, samples)
                    time = track.end
            except (struct.error, IndexError) as error:
                raise Mp4Error("A fragment is cut off.") from error


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes that follow each other in `data` (4.2): kind and content. Raises Mp4Error."""
    position = 0
    while position < len(data):
        if len(data) - position < 8:
            raise Mp4Error("A box is cut off.")
        size, kind = struct.unpack_from(">I4s", data, position)
        if not 8 <= size <= len(data) - position:
            raise Mp4Error("A box does not fit into the one around it.")
        yield kind, data[position + 8 : position + size]
        position += size


def _read_track(trak: bytes) -> _Track:
    number = timescale = 0
    handler = b""
    try:
        for kind, body in boxes(trak):
            if kind == b"tkhd":
                number = struct.unpack_from(">I", body, 20 if body[0] == 1 else 12)[0]
            elif kind == b"mdia":
                for name, inner in boxes(body):
                    if name == b"mdhd":
                        timescale = struct.unpack_from(">I", inner, 20 if inner[0] == 1 else 12)[0]
                    elif name == b"hdlr":
                        handler = inner[8:12]
    except (struct.error, IndexError) as error:
        raise Mp4Error("A track of an init segment is cut off.") from error
    if not number or not timescale:
        raise Mp4Error("A track of an init segment has no number or no timescale.")
    return _Track(number, handler, timescale, trak)


def _read_run(body: bytes, default_flags: int) -> tuple[int, list[tuple[int, int, bool]]]:
    """Where the samples begin, from the beginning of the moof, and duration, size and sync of each."""
    bits, count, place = struct.unpack_from(">IIi", body)
    if bits & 0xFFFFFF not in (0x301, 0x701) or place < 0 or count > _ENTRIES:
        raise Mp4Error("A fragment does not say itself how long and how big its samples are.")
    each = ">III" if bits & 0x400 else ">II"
    size = struct.calcsize(each)
    samples = []
    for position in range(12, 12 + count * size, size):
        values = struct.unpack_from(each, body, position)
        flags = values[2] if len(values) > 2 else default_flags
        samples.append((values[0], values[1], not flags & _NOT_SYNC))
    return place, samples


def _tkhd(body: bytes, duration: int) -> bytes:
    """8.3.2, with 64-bit times."""
    number, tail = (body[20:24], body[36:]) if body[0] == 1 else (body[12:16], body[24:])
    return full_box(b"tkhd", 1, 7, bytes(16), number, bytes(4), struct.pack(">Q", duration), tail)


def _table(kind: bytes, values: "list[int] | array[int]", columns: int) -> bytes:
    content = values if isinstance(values, array) else array("I", values)
    return full_box(kind, 0, 0, struct.pack(">I", len(values) // columns), _big_endian(content))


def _big_endian(values: "array[int]") -> bytes:
    swapped = array(values.typecode, values)
    swapped.byteswap()
    return swapped.tobytes()
