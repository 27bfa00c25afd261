"""RTMP that is listened for: one client after another."""

import errno
import logging
import socket

import av

from peer.media.connection import Arriving, Connection
from peer.media.pace import Stop
from peer.media.source import RtmpInput, SourceError

log = logging.getLogger(__name__)

_OPTIONS = {
    "rw_timeout": "5000000",  # µs without a byte after which the other side is gone
    "analyzeduration": "500000",
    "fpsprobesize": "0",
}


class RtmpListener:
    """Waits for a client at an RTMP address."""

    patience = None

    def __init__(self, source: RtmpInput, stop: Stop) -> None:
        self._source = source
        self._stop = stop
        self._worked = False

    def connect(self) -> Connection | None:
        """Wait for a client; None when one came that does not speak RTMP.

        Raises:
            SourceError: the address cannot be listened at.
        """
        self._check_address()
        self._stop.waking(self._knock)
        log.info("waiting: %s", self._source)
        try:
            container = av.open(self._source.url, options={"listen": "1", **_OPTIONS})
        except av.error.FFmpegError as error:
            log.info("an RTMP client failed: %s", error.strerror)
            return None
        finally:
            self._stop.waking(None)
        self._worked = True
        return Arriving(container, self._stop)

    def _check_address(self) -> None:
        """Say clearly what a listening library would only hint at."""
        for attempt in range(10):
            try:
                family, kind, _, _, address = socket.getaddrinfo(
                    self._source.host, self._source.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
                )[0]
                with socket.socket(family, kind) as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(address)
                    probe.listen(1)
                return
            except socket.gaierror:
                raise SourceError(f"The host {self._source.host!r} of the RTMP address is unknown.") from None
            except OSError as error:
                if error.errno == errno.EADDRINUSE and self._worked and attempt < 9:
                    self._stop.wait(0.2)  # the last client's socket may take a moment to go
                    continue
                reason = (
                    "is in use already" if error.errno == errno.EADDRINUSE else f"fails: {error.strerror}"
                )
                raise SourceError(
                    f"Listening at {self._source.host}:{self._source.port} {reason}; choose another port."
                ) from error

    def _knock(self) -> None:
        """Connect and leave at once: that ends the library's wait for a client."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._source.host, self._source.host)
        try:
            socket.create_connection((host, self._source.port), timeout=0.2).close()
        except OSError:
            pass  # nobody listens: there is no wait to end
