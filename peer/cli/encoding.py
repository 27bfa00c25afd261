"""The options of the commands that encode: what is read, and into what it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from peer.cli.options import parse_rate
from peer.quantity import parse_time
from peer.running import CommandError

if TYPE_CHECKING:
    from peer.media.parts import AudioCodec, MediaOptions

PART_LENGTHS = (0.03, 0.5)
"""Seconds: a picture at 30 a second, and half of the shortest segment."""

INPUT_HELP = (
    "A file, test: (a moving pattern), rtmp://0.0.0.0:1935/live/KEY, srt://:9000?passphrase=… or "
    "whip://0.0.0.0:8080/stage?token=… to listen for OBS, ffmpeg or a browser, rtsp://CAMERA/PATH or "
    "https://HOST/PATH.m3u8 to fetch from a server."
)

Source = Annotated[str, typer.Argument(metavar="INPUT", envvar="BRAIDCAST_INPUT", help=INPUT_HELP)]
Height = Annotated[
    int,
    typer.Option(envvar="BRAIDCAST_HEIGHT", min=16, max=4320, help="Greatest picture height when encoding."),
]
Bitrate = Annotated[
    str, typer.Option(envvar="BRAIDCAST_BITRATE", help="Video bit rate when encoding, such as 800k or 2M.")
]
Audio = Annotated[
    str, typer.Option("--audio-codec", envvar="BRAIDCAST_AUDIO_CODEC", help="opus or aac, when encoding.")
]
LadderOption = Annotated[
    str | None,
    typer.Option(
        "--ladder",
        envvar="BRAIDCAST_LADDER",
        help="Several renditions: heights and video bit rates, such as 720p:2500k,360p:700k, or auto.",
    ),
]
PartLength = Annotated[
    str,
    typer.Option(
        "--part",
        envvar="BRAIDCAST_PART",
        help="How long a part is, such as 200ms: longer ones are later, and have less to carry beside them.",
    ),
]
Once = Annotated[
    bool, typer.Option("--once", envvar="BRAIDCAST_ONCE", help="Play a file once, not in a loop.")
]


def media_options(height: int, bitrate: str, ladder: str | None, audio: str, once: bool) -> MediaOptions:
    """Raises CommandError with one sentence."""
    from peer.media.ladder import LadderError, parse_ladder
    from peer.media.parts import EncodeOptions, MediaOptions

    codecs: dict[str, AudioCodec] = {"opus": "opus", "aac": "aac"}
    if audio not in codecs:
        raise CommandError(f"{audio!r} is no audio codec here: use opus or aac.")
    encode = EncodeOptions(height=height, video_bitrate=parse_rate(bitrate), audio_codec=codecs[audio])
    try:
        return MediaOptions(encode=encode, once=once, ladder=None if ladder is None else parse_ladder(ladder))
    except LadderError as error:
        raise CommandError(str(error)) from error


def parse_part_length(text: str) -> float:
    """Seconds. Raises CommandError with one sentence."""
    length = parse_time(text)
    if length is None or not PART_LENGTHS[0] <= length <= PART_LENGTHS[1]:
        raise CommandError(f"{text!r} is no length of a part: give 30ms to 500ms.")
    return length
