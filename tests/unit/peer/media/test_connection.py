"""Connections of live sources: read ahead within bounds, closed once, and what was seen before left out."""

import threading
from pathlib import Path

import av
import pytest

from peer.media.connection import Arriving, ReadAhead, Seen
from peer.media.pace import Stop, StoppedError
from peer.media.units import Packet
from tests.integration.clips import Clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Clip(video_seconds=1.0, audio_seconds=1.0).write(tmp_path_factory.mktemp("clips") / "clip.ts")


def opened(path: Path) -> tuple[av.container.InputContainer, list[av.VideoStream | av.AudioStream]]:
    container = av.open(str(path))
    return container, [container.streams.video[0], container.streams.audio[0]]


def keys(packets: list[Packet]) -> list[tuple[int, int | None, int]]:
    return [(packet.stream_index, packet.pts, packet.size) for packet in packets]


def reading() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "media, ahead"]


def test_what_is_read_ahead_is_what_would_have_arrived(clip: Path) -> None:
    container, streams = opened(clip)
    arrived = list(Arriving(container, Stop()).packets(streams))
    container, streams = opened(clip)
    ahead = ReadAhead(container, Stop())
    assert keys(list(ahead.packets(streams))) == keys(arrived)
    ahead.close()
    assert not reading()


def test_streams_that_nobody_wants_are_not_read(clip: Path) -> None:
    container, streams = opened(clip)
    ahead = ReadAhead(container, Stop())
    assert {packet.stream_index for packet in ahead.packets(streams[:1])} == {0}
    ahead.close()


def test_leaving_early_ends_the_thread_even_when_its_queue_is_full(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peer.media.connection._MAX_PACKETS", 2)
    container, streams = opened(clip)
    ahead = ReadAhead(container, Stop())
    packets = ahead.packets(streams)
    next(packets)
    ahead.close()
    assert not reading()


def test_a_source_that_was_stopped_is_left_at_once(clip: Path) -> None:
    for kind in (Arriving, ReadAhead):
        container, streams = opened(clip)
        stop = Stop()
        connection = kind(container, stop)
        packets = connection.packets(streams)
        next(packets)
        stop.set()
        with pytest.raises(StoppedError):
            next(packets)
        connection.close()


def test_a_packet_is_new_once(clip: Path) -> None:
    container, streams = opened(clip)
    packets = [packet for packet in container.demux(streams) if packet.size]
    seen = Seen()
    assert not any(seen.add(packet) for packet in packets)
    assert all(seen.add(packet) for packet in packets)
    container.close()


def test_only_so_much_is_remembered(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peer.media.connection._MAX_PACKETS", 5)
    container, streams = opened(clip)
    packets = [packet for packet in container.demux(streams) if packet.size]
    seen = Seen()
    for packet in packets:
        seen.add(packet)
    assert [seen.add(packet) for packet in packets[-5:]] == [True] * 5
    assert not seen.add(packets[0])
    container.close()
