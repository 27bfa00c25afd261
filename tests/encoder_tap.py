"""What an encoder's delay is: its output, heard beside what it sends, and the time code in it."""

from __future__ import annotations

import asyncio
import math
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field

import av

from peer.media.pattern import read_strip, strip_height

PATIENCE = 60.0
WRAP = 2**32


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds for each picture, from its time code."""

    real: list[float]
    """To its coming out of the encoder."""
    even: list[float]
    """To when it would have come, had it been held up no more than those that came soonest for their
    timestamps. That is what can be known behind the encoder, and what capture times count from."""


@dataclass(slots=True)
class EncoderTap:
    """Takes one FLV connection at `port`, and keeps its video until it ends."""

    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _heard: list[tuple[float, av.Packet[av.VideoStream]]] = field(default_factory=list)
    _reading: asyncio.Task[None] | None = None

    @property
    def output(self) -> str:
        """As one of the outputs of ffmpeg's `tee`."""
        return f"[f=flv]tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    def listen(self) -> None:
        self._reading = asyncio.create_task(asyncio.to_thread(self._read), name="encoder tap")

    async def close(self) -> None:
        """When the encoder has ended."""
        self._listener.close()
        if self._reading is not None:
            await self._reading

    def delays(self, begin: float = 0.0, end: float = math.inf) -> Delays:
        """Of the pictures that came from `begin` to `end` (`time.time`).

        Decodes everything: not to be called while anything is measured.
        """
        heard = []
        for arrival, packet in self._heard:
            for frame in packet.decode():
                code = read_code(frame)
                if code is not None and begin <= arrival <= end and frame.time is not None:
                    heard.append((arrival, frame.time, _since(code, arrival)))
        soonest = min((arrival - time for arrival, time, _ in heard), default=0.0)
        return Delays(
            [delay for _, _, delay in heard],
            [delay - (arrival - time - soonest) for arrival, time, delay in heard],
        )

    def _read(self) -> None:
        self._listener.settimeout(PATIENCE)
        with suppress(OSError):  # nobody came, or it was closed
            connection, _ = self._listener.accept()
            connection.settimeout(None)
            options = {"fflags": "nobuffer", "probesize": "32", "analyzeduration": "0"}
            with connection, connection.makefile("rb", buffering=0) as file:
                try:
                    with av.open(file, "r", format="flv", options=options, buffer_size=4096) as container:
                        self._keep(container)
                except av.error.FFmpegError:
                    pass  # the encoder was ended in the middle of a packet

    def _keep(self, container: av.container.InputContainer) -> None:
        for packet in container.demux(container.streams.video[0]):
            if packet.size:
                self._heard.append((time.time(), packet))


def _since(code: int, now: float) -> float:
    """Seconds from a time code to `now`."""
    return ((round(now * 1000) - code + WRAP // 2) % WRAP - WRAP // 2) / 1000


def read_code(frame: av.VideoFrame) -> int | None:
    """The time code of a decoded picture, in ms modulo 2**32; None where there is none."""
    plane = frame.planes[0]
    begin = (frame.height - strip_height(frame.height) // 2) * plane.line_size
    return read_strip(bytes(plane)[begin : begin + frame.width], frame.width)
