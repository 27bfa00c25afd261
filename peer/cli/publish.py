"""The options of `braidcast publish`."""

from __future__ import annotations

from dataclasses import replace

from peer.cli.encoding import (
    Audio,
    Bitrate,
    Height,
    LadderOption,
    Once,
    PartLength,
    Source,
    media_options,
    parse_part_length,
)
from peer.cli.ending import exit_after
from peer.cli.options import (
    ROOM,
    SERVER,
    Http,
    HttpUrl,
    Ice,
    Json,
    KeyFile,
    Record,
    Room,
    Server,
    Stream,
    Token,
    TokenFile,
    Window,
    WindowFolder,
    WindowSize,
)


def publish(
    source: Source,
    server: Server = SERVER,
    room: Room = ROOM,
    stream: Stream = "main",
    http: Http = None,
    http_url: HttpUrl = None,
    window: Window = "12s",
    window_folder: WindowFolder = None,
    window_size: WindowSize = "4G",
    record: Record = None,
    height: Height = 360,
    bitrate: Bitrate = "800k",
    ladder: LadderOption = None,
    part: PartLength = "100ms",
    audio: Audio = "opus",
    once: Once = False,
    token: Token = None,
    token_file: TokenFile = None,
    key_file: KeyFile = None,
    ice_server: Ice = None,
    json_lines: Json = False,
) -> None:
    """Publish a stream.

    From ffmpeg: ffmpeg -re -i in.mp4 -c:v libx264 -tune zerolatency -g 30 -bf 0 -c:a aac -ac 2 -f flv
    rtmp://127.0.0.1:1935/live/KEY; from OBS: service Custom, server rtmp://127.0.0.1:1935/live, stream
    key KEY. docs/inputs.md says what else there is.
    """
    from peer.commands.publish import publish as run_publish
    from peer.hosting import parse_window
    from peer.membership import membership, name, state_file

    async def command() -> int:
        key = key_file or state_file(f"publisher-{room}-{stream}.key")
        place = membership(server, room, token, token_file, key, ice_server or ())
        media = replace(
            media_options(height, bitrate, ladder, audio, once), part_duration=parse_part_length(part)
        )
        stream_name = name(stream, "stream")
        back = parse_window(window, window_folder, window_size)
        return await run_publish(place, source, stream_name, media, http, http_url, back, record, json_lines)

    exit_after(command)
