"""Streams that are fetched from servers: RTSP, HLS, and RTMP that is called."""

import logging

import av

from peer.media.connection import Arriving, Connection, ReadAhead
from peer.media.pace import Stop
from peer.media.source import HlsInput, RtmpInput, RtspInput, SourceError

log = logging.getLogger(__name__)

_PATIENCE = 60.0
_OPEN_TIMEOUT = 10.0
_SILENCE_TIMEOUT = 10.0
"""Seconds without a packet after which the server is gone."""
_HLS_SILENCE_TIMEOUT = 20.0
"""The same where packets come a segment at a time."""
_USER_AGENT = "braidcast"


class Pull:
    """Opens a server's stream, again and again."""

    patience = _PATIENCE

    def __init__(self, source: RtspInput | HlsInput | RtmpInput, stop: Stop) -> None:
        self._source = source
        self._stop = stop
        self._worked = False

    def connect(self) -> Connection | None:
        """Call the server once.

        Raises:
            SourceError: the very first call failed.
        """
        segmented = isinstance(self._source, HlsInput)
        silence = _HLS_SILENCE_TIMEOUT if segmented else _SILENCE_TIMEOUT
        try:
            container = av.open(
                self._source.url,
                format=_format(self._source),
                options=_options(self._source),
                timeout=(_OPEN_TIMEOUT, silence),
            )
        except (av.error.FFmpegError, UnicodeError) as error:
            reason = _reason(error)
            if not self._worked:
                raise SourceError(f"{self._source} gives no stream: {reason}.") from None
            log.info("%s is away: %s", self._source, reason)
            return None
        self._worked = True
        if isinstance(self._source, RtmpInput):
            return Arriving(container, self._stop)
        finite = container.duration is not None and container.duration > 0
        kind = ReadAhead if segmented else Arriving
        return kind(container, self._stop, finite=finite)


def _format(source: RtspInput | HlsInput | RtmpInput) -> str:
    return "rtsp" if isinstance(source, RtspInput) else "hls" if isinstance(source, HlsInput) else "flv"


def _options(source: RtspInput | HlsInput | RtmpInput) -> dict[str, str]:
    timeout = str(round(_SILENCE_TIMEOUT * 1e6))
    if isinstance(source, RtspInput):
        # Over UDP, lost packets and routers in between are troubles that an origin does not need.
        return {
            "rtsp_transport": "tcp",
            "timeout": timeout,
            "user_agent": _USER_AGENT,
            "fpsprobesize": "0",
            "max_delay": "0",
        }
    if isinstance(source, HlsInput):
        return {"rw_timeout": timeout, "user_agent": _USER_AGENT, "fpsprobesize": "0"}
    return {"rw_timeout": timeout, "analyzeduration": "500000", "fpsprobesize": "0"}


def _reason(error: Exception) -> str:
    if isinstance(error, av.error.ExitError):
        return "it does not answer"
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return "it wants another user or password"
    if isinstance(error, av.error.InvalidDataError):
        return "what it sends is not that"
    return getattr(error, "strerror", None) or "its address cannot be used"
