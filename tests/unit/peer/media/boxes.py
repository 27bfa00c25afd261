"""Reads the boxes of MP4 for tests; knows nothing of the code that writes them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"mvex", b"moof", b"traf"}


def walk(data: bytes, path: str = "") -> Iterator[tuple[str, bytes]]:
    """Every box by its path (`moof/traf/trun`), depth first."""
    position = 0
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        assert 8 <= size <= len(data) - position, f"a {kind!r} box of {size} bytes does not fit"
        body = data[position + 8 : position + size]
        name = f"{path}/{kind.decode()}".lstrip("/")
        yield name, body
        if kind in _CONTAINERS:
            yield from walk(body, name)
        position += size


@dataclass(frozen=True)
class Traf:
    """One track of a fragment; times in its timescale."""

    track: int
    decode_time: int
    durations: list[int]
    keys: list[bool]
    samples: list[bytes]

    @property
    def end(self) -> int:
        return self.decode_time + sum(self.durations)


def read_fragment(data: bytes) -> list[Traf]:
    """The tracks of one moof and mdat."""
    (moof_size,) = struct.unpack_from(">I", data)
    assert [name for name, _ in walk(data) if "/" not in name] == ["moof", "mdat"]
    trafs, track, default_flags, decode_time = [], 0, 0, 0
    for name, body in walk(data[:moof_size]):
        if name.endswith("/tfhd"):
            flags, track = struct.unpack_from(">II", body)
            assert flags & 0x20000, "default-base-is-moof"
            default_flags = struct.unpack_from(">I", body, 8)[0] if flags & 0x20 else 0
        elif name.endswith("/tfdt"):
            assert body[0] == 1
            (decode_time,) = struct.unpack_from(">Q", body, 4)
        elif name.endswith("/trun"):
            flags, count, offset = struct.unpack_from(">IIi", body)
            durations, keys, samples, position = [], [], [], 12
            for _ in range(count):
                duration, size = struct.unpack_from(">II", body, position)
                position += 8
                sample_flags = default_flags
                if flags & 0x400:
                    (sample_flags,) = struct.unpack_from(">I", body, position)
                    position += 4
                durations.append(duration)
                keys.append(not sample_flags & 0x10000)
                samples.append(data[offset : offset + size])
                offset += size
            trafs.append(Traf(track, decode_time, durations, keys, samples))
    return trafs
