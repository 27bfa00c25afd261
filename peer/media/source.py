"""The grammar of INPUT: what may be published, and the one sentence that says why something may not."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

_NOT_BUILT = {
    "srt": "SRT",
    "whip": "WHIP",
    "rtsp": "RTSP",
    "http": "HTTP",
    "https": "HTTPS",
    "rtmps": "RTMP over TLS",
    "udp": "UDP",
}
MAX_PATTERN = (1920, 1080)


class SourceError(Exception):
    """A source that cannot be used, in one sentence that says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class PatternInput:
    """`test:`, `test:?size=640x360&fps=30`."""

    width: int = 640
    height: int = 360
    frame_rate: int = 30


@dataclass(frozen=True, slots=True)
class FileInput:
    """A path."""

    path: str


@dataclass(frozen=True, slots=True)
class RtmpInput:
    """`rtmp://host[:1935]/path`; a listener unless `?mode=caller`."""

    host: str
    port: int
    path: str
    listen: bool

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"rtmp://{host}:{self.port}/{self.path}"


Input = PatternInput | FileInput | RtmpInput


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
    if scheme in _NOT_BUILT:
        raise SourceError(
            f"{_NOT_BUILT[scheme]} input ({scheme}://) is not built yet: "
            "publish a file, `test:` or rtmp:// instead."
        )
    if scheme == "file":
        text = text[len("file://") :]
    elif scheme:
        raise SourceError(
            f"{scheme}:// is no input that is known: publish a file, `test:` or rtmp:// instead."
        )
    return FileInput(text)


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


def _pattern(query: str) -> PatternInput:
    width, height, frame_rate = 640, 360, 30
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "size":
            sides = value.split("x")
            if len(sides) != 2 or not all(side.isdecimal() and len(side) <= 4 for side in sides):
                raise SourceError(f"The test pattern's size {value!r} is not of the form 640x360.")
            width, height = (int(side) for side in sides)
            if width < 320 or height < 180 or width > MAX_PATTERN[0] or height > MAX_PATTERN[1]:
                raise SourceError("The test pattern's size must be between 320x180 and 1920x1080.")
            if width % 2 or height % 2:
                raise SourceError("The test pattern's width and height must be even.")
        elif name == "fps":
            if not value.isdecimal() or not 1 <= int(value[:4]) <= 60:
                raise SourceError("The test pattern's fps must be a whole number from 1 to 60.")
            frame_rate = int(value)
        else:
            raise SourceError(f"The test pattern has no option {name!r}, only size and fps.")
    return PatternInput(width, height, frame_rate)


def _rtmp(text: str) -> RtmpInput:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or 1935
    except ValueError:
        raise SourceError(f"{text!r} is no RTMP address of the form rtmp://host:1935/path.") from None
    path = parts.path.lstrip("/")
    if not host or not path:
        raise SourceError(f"{text!r} is no RTMP address of the form rtmp://host:1935/path.")
    mode, kept = "listener", []
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name == "mode":
            mode = value
        else:
            kept.append(f"{name}={value}")
    if mode not in ("listener", "caller"):
        raise SourceError(f"The mode of an RTMP input is listener or caller, not {mode!r}.")
    return RtmpInput(host, port, path + ("?" + "&".join(kept) if kept else ""), mode == "listener")
