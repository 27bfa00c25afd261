"""SRT by another program: the media library has none, but ffmpeg or srt-live-transmit hand its bytes over.

libsrt does the passphrase: who has another one, or none, is refused by it before a byte comes.
"""

import contextlib
import logging
import os
import select
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

import av
from av.container import InputContainer

from peer.media.connection import Arriving, Connection
from peer.media.pace import Stop
from peer.media.source import SourceError, SrtInput, listening_error

log = logging.getLogger(__name__)

_PATIENCE = 60.0
_SILENCE_TIMEOUT = 6.0
"""Seconds without a byte after which the other side is gone; libsrt itself notices after 5."""
_PROBE_TIMEOUT = 10.0
_END_TIMEOUT = 0.2
_OPTIONS = {"analyzeduration": "1500000", "fpsprobesize": "6", "fflags": "+discardcorrupt"}
"""SRT gives up what comes later than its latency: a picture of which a piece is missing ends some players."""
_REFUSALS = {
    "Incorrect passphrase": "its passphrase is not the one that you gave",
    "Password required or unexpected": "only one of you gave a passphrase",
}


@dataclass(frozen=True, slots=True)
class Bridge:
    """A program that speaks SRT."""

    program: str
    """Its path."""
    ffmpeg: bool
    """Whether it is ffmpeg, or srt-live-transmit."""

    def command(self, source: SrtInput) -> list[str]:
        """What makes it write the bytes of one connection to its standard output."""
        options = {"mode": "listener" if source.listen else "caller"}
        options["latency"] = str(source.latency * (1000 if self.ffmpeg else 1))
        if source.passphrase:
            options |= {"passphrase": source.passphrase, "pbkeylen": str(source.key_length)}
        if source.stream_id:
            options["streamid"] = source.stream_id
        url = f"{source.address}?" + "&".join(f"{name}={quote(text)}" for name, text in options.items())
        if self.ffmpeg:  # as bytes of no format: it neither looks into them nor holds them back
            reading = ["-f", "data", "-i", url]
            writing = ["-map", "0", "-c", "copy", "-flush_packets", "1", "-f", "data", "pipe:1"]
            return [self.program, "-v", "error", "-nostdin", *reading, *writing]
        return [self.program, "-q", "-a", "no", "-loglevel", "warning", url, "file://con"]


@cache
def find_bridge() -> Bridge:
    """The program on this machine that speaks SRT.

    Raises:
        SourceError: there is none.
    """
    if (program := shutil.which("ffmpeg")) is not None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            protocols = subprocess.run(
                [program, "-v", "error", "-protocols"],
                capture_output=True, text=True, timeout=_PROBE_TIMEOUT, check=True, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            if "srt" in protocols.stdout.split():
                return Bridge(program, True)
    if (program := shutil.which("srt-live-transmit")) is not None:
        return Bridge(program, False)
    raise SourceError(
        "SRT needs an ffmpeg that was built with it, or srt-live-transmit: install one of them "
        "(on Debian or Ubuntu: apt-get install ffmpeg)."
    )


class SrtConnector:
    """Runs a bridge for one connection after another."""

    def __init__(self, source: SrtInput, stop: Stop) -> None:
        self._source = source
        self._stop = stop
        self._bridge = find_bridge()
        self._worked = False

    @property
    def patience(self) -> float | None:
        return None if self._source.listen else _PATIENCE

    def connect(self) -> Connection | None:
        """Wait for a sender, or call one; None when nothing came of it.

        Raises:
            SourceError: the address cannot be listened at, or the very first call failed.
        """
        if self._source.listen:
            self._check_address()
        pipe = Pipe(self._bridge.command(self._source), self._stop)
        try:
            container = av.open(pipe, "r", format="mpegts", options=_OPTIONS)
        except av.error.FFmpegError as error:
            pipe.close()
            self._stop.check()
            if not self._source.listen and not self._worked:
                raise SourceError(
                    f"{self._source} gives no stream: nobody answers there, or wants another passphrase or "
                    "stream id, or sends no MPEG-TS."
                ) from None
            if pipe.began:
                log.warning("An SRT sender was refused: it sends no MPEG-TS (%s).", error.strerror)
            return None
        except BaseException:
            pipe.close()
            raise
        self._worked = True
        return _Bridged(container, pipe, self._stop)

    def _check_address(self) -> None:
        try:
            family, kind, _, _, address = socket.getaddrinfo(
                self._source.host or "0.0.0.0", self._source.port, type=socket.SOCK_DGRAM
            )[0]
            with socket.socket(family, kind) as probe:
                probe.bind(address)
        except OSError as error:
            if self._worked:
                return  # the last bridge's socket may take a moment to go; the next attempt tells
            raise listening_error(self._source.host, self._source.port, error) from error


class Pipe:
    """A bridge that runs, as a file to read from."""

    def __init__(self, command: list[str], stop: Stop) -> None:
        self._stop = stop
        self.began = False
        """Whether anything has come."""
        self._last = time.monotonic()
        if (wrapper := shutil.which("setpriv")) is not None:
            # Else it would listen on, and keep the port, when this process is killed. The signal comes only
            # to who asked for it in time, so that the shell looks whether this process is still there.
            still_there = f'[ "$PPID" = {os.getpid()} ] && exec "$@"'
            command = [wrapper, "--pdeathsig", "TERM", "--", "/bin/sh", "-c", still_there, "sh", *command]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            raise SourceError(f"{command[0]} cannot be started: {error.strerror}.") from error
        self._saying = threading.Thread(target=self._listen, name="srt says", daemon=True)
        self._saying.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def read(self, size: int) -> bytes:
        """What has come, at most `size` bytes; nothing at the end, nor when it was stopped."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while not self._stop.asked:
            if select.select([descriptor], [], [], 0.1)[0]:
                data = os.read(descriptor, size)
                self.began = self.began or bool(data)
                self._last = time.monotonic()
                return data
            if self.began and time.monotonic() - self._last > _SILENCE_TIMEOUT:
                break
        return b""

    def close(self) -> None:
        """End the program."""
        self._process.terminate()
        try:
            self._process.wait(_END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._saying.join(_END_TIMEOUT)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _listen(self) -> None:
        """Of all that the bridge says, tell people what they can do something about."""
        assert self._process.stderr is not None
        while line := self._process.stderr.readline(4096):
            text = line.decode(errors="replace").strip()
            for words, reason in _REFUSALS.items():
                if words in text and "rsp(REJECT)" in text:  # libsrt says it again in other words
                    log.warning("An SRT sender was refused: %s.", reason)
            if "passphrase=" not in text:
                log.debug("srt: %s", text)


class _Bridged(Arriving):
    """A connection whose container reads from a bridge."""

    def __init__(self, container: InputContainer, pipe: Pipe, stop: Stop) -> None:
        super().__init__(container, stop)
        self._pipe = pipe

    def close(self) -> None:
        super().close()
        self._pipe.close()
