"""The grammar of INPUT: what may be published, how it is shown to people, and the one sentence that says why
something may not.

`str()` of an input says where it comes from, without what is secret in it.
"""

import errno
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from signaling.errors import ToldError

KNOWN = "publish a file, `test:`, rtmp://, srt://, whip://, rtsp:// or an HLS playlist instead"
_NOT_BUILT = {
    "rtmps": "RTMP over TLS",
    "udp": "UDP",
}
MAX_PATTERN = (1920, 1080)


class SourceError(ToldError):
    """A source that cannot be used, in one sentence that says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class PatternInput:
    """`test:`, `test:?size=640x360&fps=30`."""

    width: int = 640
    height: int = 360
    frame_rate: int = 30

    def __str__(self) -> str:
        return f"a moving pattern, {self.width}x{self.height} at {self.frame_rate} fps"


@dataclass(frozen=True, slots=True)
class FileInput:
    """A path."""

    path: str

    def __str__(self) -> str:
        return f"the file {self.path!r}"


@dataclass(frozen=True, slots=True)
class RtmpInput:
    """`rtmp://host[:1935]/app[/key]`; a listener unless `?mode=caller`."""

    host: str
    port: int
    app: str
    """The first part of the path."""
    key: str
    """The rest of it: who sends has to know it. Empty lets everybody send who reaches the port."""
    listen: bool

    @property
    def url(self) -> str:
        """With the key."""
        return f"{self._server}/{self.key}" if self.key else self._server

    @property
    def _server(self) -> str:
        return f"rtmp://{_netloc(self.host, self.port)}/{self.app}"

    def __str__(self) -> str:
        if not self.listen:
            return f"RTMP from {self._server}"
        return f"RTMP at {self._server}, with {'your' if self.key else 'any'} stream key"


@dataclass(frozen=True, slots=True)
class WhipInput:
    """`whip://host:port[/path]`; senders use the same address with http://."""

    host: str
    port: int
    path: str
    token: str = ""
    """What senders have to know. Empty lets everybody send who reaches the port."""

    def __str__(self) -> str:
        address = f"http://{_netloc(self.host, self.port)}/{self.path}"
        return f"WHIP at {address}, {'with your' if self.token else 'without a'} token"


@dataclass(frozen=True, slots=True)
class RtspInput:
    """`rtsp://[user:password@]host[:554]/path`, fetched over TCP."""

    url: str
    """As it was given."""

    def __str__(self) -> str:
        return f"RTSP from {_shown(self.url)}"


@dataclass(frozen=True, slots=True)
class HlsInput:
    """`http(s)://host/path.m3u8`, fetched."""

    url: str
    """As it was given."""

    def __str__(self) -> str:
        return f"HLS from {_shown(self.url)}"


@dataclass(frozen=True, slots=True)
class SrtInput:
    """`srt://[host]:port`; a listener unless `?mode=caller`."""

    host: str
    """Empty for all addresses of this machine."""
    port: int
    listen: bool
    passphrase: str = ""
    key_length: int = 16
    """Bytes of the AES key that the passphrase gives."""
    latency: int = 120
    """ms within which libsrt repairs losses."""
    stream_id: str = ""
    """What a caller tells the listener that it wants."""

    @property
    def address(self) -> str:
        return f"srt://{_netloc(self.host, self.port)}"

    def __str__(self) -> str:
        if not self.listen:
            return f"SRT from {self.address}"
        return f"SRT at {self.address}, {'with your' if self.passphrase else 'without a'} passphrase"


Input = PatternInput | FileInput | RtmpInput | SrtInput | WhipInput | RtspInput | HlsInput


def parse_input(text: str) -> Input:
    """Read an INPUT.

    Raises:
        SourceError: it is none that is known, or not built yet.
    """
    if text == "test:" or text.startswith("test:?"):
        return _pattern(text.partition("?")[2])
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    if scheme == "rtmp":
        return _rtmp(text)
    if scheme == "srt":
        return _srt(text)
    if scheme == "whip":
        return _whip(text)
    if scheme == "rtsp":
        return _rtsp(text)
    if scheme in ("http", "https"):
        return _hls(text)
    if scheme in _NOT_BUILT:
        raise SourceError(f"{_NOT_BUILT[scheme]} input ({scheme}://) is not built yet: {KNOWN}.")
    if scheme == "file":
        text = text[len("file://") :]
    elif scheme:
        raise SourceError(f"{scheme}:// is no input that is known: {KNOWN}.")
    return FileInput(text)


def listening_error(host: str, port: int, error: OSError) -> SourceError:
    """Why an address of this machine cannot be listened at."""
    if isinstance(error, socket.gaierror):
        return SourceError(f"The host {host!r} is unknown: name an address of this machine.")
    where = _netloc(host or "0.0.0.0", port)
    if error.errno == errno.EADDRINUSE:
        return SourceError(f"{where} is in use already; choose another port.")
    return SourceError(f"Listening at {where} fails: {error.strerror}; choose another port.")


def check_file(path: str) -> None:
    """Raises SourceError unless this is a file that can be read."""
    try:
        with Path(path).open("rb"):
            pass
    except FileNotFoundError:
        raise SourceError(f"There is no file {path!r}: check the path.") from None
    except IsADirectoryError:
        raise SourceError(f"{path!r} is a directory: name a media file in it.") from None
    except OSError as error:
        raise SourceError(f"The file {path!r} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise SourceError(f"{path!r} is no name that a file can have.") from None


def _pattern(query: str) -> PatternInput:
    width, height, frame_rate = 640, 360, 30
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "size":
            sides = value.split("x")
            if len(sides) != 2 or not all(re.fullmatch("[0-9]{1,4}", side) for side in sides):
                raise SourceError(f"The test pattern's size {value!r} is not of the form 640x360.")
            width, height = (int(side) for side in sides)
            if width < 320 or height < 180 or width > MAX_PATTERN[0] or height > MAX_PATTERN[1]:
                raise SourceError("The test pattern's size must be between 320x180 and 1920x1080.")
            if width % 2 or height % 2:
                raise SourceError("The test pattern's width and height must be even.")
        elif name == "fps":
            if not re.fullmatch("[0-9]{1,3}", value) or not 1 <= int(value) <= 60:
                raise SourceError("The test pattern's fps must be a whole number from 1 to 60.")
            frame_rate = int(value)
        else:
            raise SourceError(f"The test pattern has no option {name!r}, only size and fps.")
    return PatternInput(width, height, frame_rate)


def _rtmp(text: str) -> RtmpInput:
    form = "rtmp://host:1935/app/stream-key"
    host, port, path, query = _address(text, "RTMP", form, 1935)
    app, _, key = path.partition("/")
    if not host or not app:
        raise SourceError(f"{_shown(text)!r} is no RTMP address of the form {form}.")
    listen, kept = _mode(query, "RTMP", listener=True)
    return RtmpInput(host, port, app, key + (f"?{kept}" if kept else ""), listen)


def _srt(text: str) -> SrtInput:
    form = "srt://host:port"
    host, port, path, query = _address(text, "SRT", form, 0)
    listen, query = _mode(query, "SRT", listener=True)
    if path or (not host and not listen):
        raise SourceError(f"{_shown(text)!r} is no SRT address of the form {form}.")
    options: dict[str, str] = dict(parse_qsl(query, keep_blank_values=True))
    passphrase, stream_id = options.pop("passphrase", ""), options.pop("streamid", "")
    length, latency = options.pop("pbkeylen", "16"), options.pop("latency", "120")
    if options:
        names = "mode, passphrase, pbkeylen, latency and streamid"
        raise SourceError(f"An SRT input has no option {min(options)!r}, only {names}.")
    if passphrase and not 10 <= len(passphrase.encode()) <= 64:
        raise SourceError("An SRT passphrase has 10 to 64 characters.")
    if length not in ("16", "24", "32"):
        raise SourceError("The pbkeylen of an SRT input is 16, 24 or 32.")
    if not re.fullmatch("[0-9]{1,5}", latency) or int(latency) > 10_000:
        raise SourceError("The latency of an SRT input is a number of milliseconds up to 10000.")
    if stream_id and (listen or len(stream_id.encode()) > 512):
        raise SourceError("The streamid of an SRT input needs mode=caller and has at most 512 characters.")
    return SrtInput(host, port, listen, passphrase, int(length), int(latency), stream_id)


def _whip(text: str) -> WhipInput:
    form = "whip://host:8080/path"
    host, port, path, query = _address(text, "WHIP", form, 0)
    listen, query = _mode(query, "WHIP", listener=True)
    if not host or not re.fullmatch("[A-Za-z0-9._~/-]*", path):
        raise SourceError(f"{_shown(text)!r} is no WHIP address of the form {form}.")
    if not listen:
        raise SourceError("WHIP only listens: senders call.")
    options: dict[str, str] = dict(parse_qsl(query, keep_blank_values=True))
    token = options.pop("token", "")
    if options:
        raise SourceError(f"A WHIP input has no option {min(options)!r}, only token.")
    return WhipInput(host, port, path.rstrip("/") or "whip", token)


def _rtsp(text: str) -> RtspInput:
    form = "rtsp://host:554/path"
    host, *_ = _address(text, "RTSP", form, 554)
    if not host:
        raise SourceError(f"{_shown(text)!r} is no RTSP address of the form {form}.")
    return RtspInput(text)


def _hls(text: str) -> HlsInput:
    form = "https://host/path.m3u8"
    host, _, path, _ = _address(text, "HLS", form, 443)
    if not host or not path.lower().endswith((".m3u8", ".m3u")):
        raise SourceError(
            f"{_shown(text)!r} is no HLS playlist of the form {form}, and nothing else is fetched over HTTP."
        )
    return HlsInput(text)


def _address(text: str, kind: str, form: str, default_port: int) -> tuple[str, int, str, str]:
    """Host (may be empty), port, path without its first slash, and query of a URL."""
    try:
        parts = urlsplit(text)
        port = default_port if parts.port is None else parts.port
        if not 0 < port < 65536:
            raise ValueError
        return parts.hostname or "", port, parts.path.lstrip("/"), parts.query
    except ValueError:
        raise SourceError(f"{_shown(text)!r} is no {kind} address of the form {form}.") from None


def _mode(query: str, kind: str, *, listener: bool) -> tuple[bool, str]:
    """Whether `mode` says listener, and what else the query holds, as it was written."""
    kept = []
    for item in query.split("&"):
        name, _, value = item.partition("=")
        if name != "mode":
            kept.append(item)
        elif value in ("listener", "caller"):
            listener = value == "listener"
        else:
            raise SourceError(f"The mode of {kind} is listener or caller, not {value!r}.")
    return listener, "&".join(kept)


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _shown(text: str) -> str:
    """An address that could not be read, without its user, password and query."""
    text = text.partition("?")[0]
    scheme, separator, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
