"""The `braidcast` command: options and their help. What the commands do is in `peer.commands`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from peer import commands
from peer.chat_retention import parse_retention, parse_size
from peer.hosting import parse_window
from peer.media.ladder import LadderError, parse_ladder
from peer.media.parts import AudioCodec, EncodeOptions, MediaOptions
from peer.membership import Membership, membership, name, owned_url, parse_ice_servers, state_file
from peer.quantity import parse_amount, parse_time
from peer.running import FAILURE, CommandError, run, say
from signaling.server.config import Config

app = typer.Typer(
    help="Live video that its viewers carry for each other, with chat over the same links.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
token_app = typer.Typer(help="Tokens for closed rooms.", no_args_is_help=True)
app.add_typer(token_app, name="token")

PART_LENGTHS = (0.03, 0.5)
"""Seconds: a picture at 30 a second, and half of the shortest segment."""

Server = Annotated[
    str, typer.Option(envvar="BRAIDCAST_SERVER", help="The introducer, such as http://host:8000.")
]
Room = Annotated[str, typer.Option(envvar="BRAIDCAST_ROOM", help="The room to join.")]
Token = Annotated[str | None, typer.Option(envvar="BRAIDCAST_TOKEN", help="A token that lets you in.")]
TokenFile = Annotated[Path | None, typer.Option(envvar="BRAIDCAST_TOKEN_FILE", help="A file with the token.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(envvar="BRAIDCAST_KEY_FILE", help="Your Ed25519 key, made if missing; it is your identity."),
]
Ice = Annotated[
    list[str] | None,
    typer.Option(
        "--ice-server",
        envvar="BRAIDCAST_ICE_SERVER",
        help="stun:HOST:PORT or turn:USER:PASSWORD@HOST:PORT; may be repeated.",
    ),
]
Json = Annotated[bool, typer.Option("--json", envvar="BRAIDCAST_JSON", help="Print a JSON object a line.")]
Store = Annotated[
    Path | None, typer.Option(envvar="BRAIDCAST_STORE", help="Keep the room's chat in this folder.")
]
FilesSize = Annotated[
    str,
    typer.Option(
        envvar="BRAIDCAST_FILES_SIZE",
        help="Keep at most so many bytes of the chat's files; the oldest go first.",
    ),
]
Owner = Annotated[
    str | None,
    typer.Option(
        envvar="BRAIDCAST_OWNER",
        help="Whose moderation is in force: the link or key that the room's owner gives, or me.",
    ),
]
Stream = Annotated[str, typer.Option(envvar="BRAIDCAST_STREAM", help="The stream's name.")]
Http = Annotated[
    str | None,
    typer.Option(envvar="BRAIDCAST_HTTP", help="Serve as an origin on HOST:PORT (LL-HLS and parts)."),
]
HttpUrl = Annotated[
    str | None, typer.Option(envvar="BRAIDCAST_HTTP_URL", help="Where viewers reach that origin.")
]
Window = Annotated[
    str, typer.Option(envvar="BRAIDCAST_WINDOW", help="How far back players of LL-HLS may go, such as 30m.")
]
WindowFolder = Annotated[
    Path | None,
    typer.Option(
        envvar="BRAIDCAST_WINDOW_FOLDER",
        help="Where more than a minute of that is kept; unless given, where temporary files are.",
    ),
]
WindowSize = Annotated[
    str, typer.Option(envvar="BRAIDCAST_WINDOW_SIZE", help="Bytes that it may take; then it is shorter.")
]
Record = Annotated[
    Path | None,
    typer.Option(
        envvar="BRAIDCAST_RECORD", help="Write the stream to an MP4 file, which is plain at the end."
    ),
]
Port = Annotated[int, typer.Option(envvar="BRAIDCAST_PORT", min=0, max=65535, help="0 takes any free port.")]
Host = Annotated[str, typer.Option(envvar="BRAIDCAST_HOST", help="0.0.0.0 listens on all addresses.")]
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
INPUT_HELP = (
    "A file, test: (a moving pattern), rtmp://0.0.0.0:1935/live/KEY, srt://:9000?passphrase=… or "
    "whip://0.0.0.0:8080/stage?token=… to listen for OBS, ffmpeg or a browser, rtsp://CAMERA/PATH or "
    "https://HOST/PATH.m3u8 to fetch from a server."
)
SERVER, ROOM = "http://127.0.0.1:8000", "demo"


@app.command()
def demo(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", envvar="BRAIDCAST_INPUT", help=INPUT_HELP)
    ] = "test:",
    port: Port = 8000,
    host: Host = "127.0.0.1",
    relays: Annotated[int, typer.Option(envvar="BRAIDCAST_RELAYS", min=0, max=16, help="Relays to add.")] = 0,
    height: Height = 360,
    bitrate: Bitrate = "800k",
    ladder: LadderOption = None,
    audio: Audio = "opus",
    once: Once = False,
    window: Window = "12s",
    key_file: KeyFile = None,
    ice_server: Ice = None,
    json_lines: Json = False,
) -> None:
    """An introducer, a publisher and the pages in one process."""

    def options() -> commands.DemoOptions:
        media = media_options(height, bitrate, ladder, audio, once)
        back = parse_window(window, None, "4G")
        return commands.DemoOptions(source, host, port, relays, media, back, json_lines)

    def place() -> Membership:
        ices = parse_ice_servers(ice_server or ())
        return Membership(SERVER, ROOM, key_file=key_file or state_file("demo.key"), ice_servers=ices)

    _exit(lambda: commands.demo(options(), place(), Config(ice_servers=parse_ice_servers(ice_server or ()))))


@app.command()
def signal(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    redis: Annotated[str | None, typer.Option(envvar="BRAIDCAST_REDIS", help="Not built yet.")] = None,
    secret_file: Annotated[
        Path | None, typer.Option(envvar="BRAIDCAST_SECRET_FILE", help="Not built yet.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(envvar="BRAIDCAST_TLS_CERT", help="Certificate for HTTPS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(envvar="BRAIDCAST_TLS_KEY", help="Its key.")] = None,
    ice_server: Ice = None,
    json_lines: Json = False,
) -> None:
    """The introducer and the web pages."""
    if redis is not None:
        _not_yet("--redis: the cluster of introducers")
    if secret_file is not None:
        _not_yet("--secret-file: closed rooms with tokens")

    def config() -> Config:
        ices = parse_ice_servers(ice_server or ())
        return Config(host=host, port=port, ice_servers=ices, tls_cert=tls_cert, tls_key=tls_key)

    _exit(lambda: commands.signal(config(), json_lines))


@app.command()
def publish(
    source: Annotated[str, typer.Argument(metavar="INPUT", envvar="BRAIDCAST_INPUT", help=INPUT_HELP)],
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

    async def command() -> int:
        key = key_file or state_file(f"publisher-{room}-{stream}.key")
        place = membership(server, room, token, token_file, key, ice_server or ())
        media = replace(
            media_options(height, bitrate, ladder, audio, once), part_duration=parse_part_length(part)
        )
        stream_name = name(stream, "stream")
        back = parse_window(window, window_folder, window_size)
        return await commands.publish(
            place, source, stream_name, media, http, http_url, back, record, json_lines
        )

    _exit(command)


@app.command()
def relay(
    server: Server = SERVER,
    room: Room = ROOM,
    stream: Annotated[
        list[str] | None, typer.Option(envvar="BRAIDCAST_STREAM", help="Streams to carry; all unless given.")
    ] = None,
    rendition: Annotated[
        list[str] | None,
        typer.Option(
            envvar="BRAIDCAST_RENDITION", help="Renditions to carry, such as 360p; all unless given."
        ),
    ] = None,
    uplink: Annotated[
        str | None, typer.Option(envvar="BRAIDCAST_UPLINK", help="What you give, such as 50M (bit/s).")
    ] = None,
    processes: Annotated[
        int, typer.Option(envvar="BRAIDCAST_PROCESSES", min=1, help="Only 1 is built yet.")
    ] = 1,
    store: Store = None,
    store_age: Annotated[
        str | None,
        typer.Option(envvar="BRAIDCAST_STORE_AGE", help="Forget what came longer ago, such as 30d or 12h."),
    ] = None,
    store_size: Annotated[
        str, typer.Option(envvar="BRAIDCAST_STORE_SIZE", help="Forget the oldest above so many bytes.")
    ] = "1G",
    files_size: FilesSize = "2G",
    http: Http = None,
    http_url: HttpUrl = None,
    window: Window = "12s",
    window_folder: WindowFolder = None,
    window_size: WindowSize = "4G",
    owner: Owner = None,
    token: Token = None,
    token_file: TokenFile = None,
    key_file: KeyFile = None,
    ice_server: Ice = None,
    json_lines: Json = False,
) -> None:
    """Carry a room's streams, without a screen, and keep its chat if told where."""
    if processes != 1:
        _not_yet("--processes above 1")

    async def command() -> int:
        place = membership(server, room, token, token_file, key_file, ice_server or ())
        given = None if uplink is None else parse_rate(uplink)
        streams = tuple(name(text, "stream") for text in stream or ())
        if http is not None and not streams:
            streams = ("main",)
        retention = parse_retention(store_age, store_size)
        back = parse_window(window, window_folder, window_size)
        renditions = tuple(name(text, "rendition") for text in rendition or ())
        return await commands.relay(
            place,
            streams,
            renditions,
            given,
            http,
            http_url,
            back,
            store,
            retention,
            parse_size(files_size),
            owner,
            json_lines,
        )

    _exit(command)


@app.command()
def watch(
    server: Server = SERVER,
    room: Room = ROOM,
    stream: Stream = "main",
    rendition: Annotated[
        str | None,
        typer.Option(
            envvar="BRAIDCAST_RENDITION", help="Which rendition, such as 360p; the best unless given."
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(envvar="BRAIDCAST_SECONDS", min=0.1, help="Stop after so long.")
    ] = None,
    record: Record = None,
    token: Token = None,
    token_file: TokenFile = None,
    key_file: KeyFile = None,
    ice_server: Ice = None,
    json_lines: Json = False,
) -> None:
    """Watch without a screen, relaying as every viewer does."""

    async def command() -> int:
        place = membership(server, room, token, token_file, key_file, ice_server or ())
        chosen = None if rendition is None else name(rendition, "rendition")
        return await commands.watch(place, name(stream, "stream"), chosen, seconds, record, json_lines)

    _exit(command)


@app.command()
def chat(
    server: Server = SERVER,
    room: Room = ROOM,
    nick: Annotated[str, typer.Option("--name", envvar="BRAIDCAST_NAME", help="What you are called.")] = "",
    follow: Annotated[
        bool, typer.Option("--follow", envvar="BRAIDCAST_FOLLOW", help="Go on after the end of the input.")
    ] = False,
    store: Store = None,
    files_size: FilesSize = "2G",
    owner: Owner = None,
    token: Token = None,
    token_file: TokenFile = None,
    key_file: KeyFile = None,
    ice_server: Ice = None,
    json_lines: Json = False,
) -> None:
    """Talk in a room: lines in, messages out."""
    from peer.chat import chat as run_chat

    async def command() -> int:
        place = membership(server, room, token, token_file, key_file, ice_server or ())
        async with place.prepare(
            "member", name=nick, store=store, owner=owner, file_quota=parse_size(files_size)
        ) as peer:
            if owner == "me":
                typer.echo(
                    f"Whoever comes by this link knows that you own the room: {owned_url(place, peer)}",
                    err=True,
                )
            code = FAILURE

            async def talk() -> None:
                nonlocal code
                code = await run_chat(peer, nick, json_lines, follow=follow)

            await peer.alive_while(talk())
            return code

    _exit(command)


@token_app.command("create")
def token_create(
    secret_file: Annotated[
        Path, typer.Option(envvar="BRAIDCAST_SECRET_FILE", help="The introducer's secret.")
    ],
    room: Room = ROOM,
    permit: Annotated[str, typer.Option(help="watch,publish,relay,chat")] = "watch,chat",
    ttl: Annotated[str, typer.Option(help="How long it is good, such as 1h.")] = "1h",
) -> None:
    """Make a token (not built yet)."""
    _not_yet("braidcast token: closed rooms with tokens")


@app.command()
def simulate(
    viewers: Annotated[
        int, typer.Option(envvar="BRAIDCAST_VIEWERS", min=1, max=100_000, help="How many watch.")
    ],
    seconds: Annotated[
        str, typer.Option(envvar="BRAIDCAST_SECONDS", help="How long is measured, once the room is full.")
    ] = "60",
    settle: Annotated[
        str, typer.Option(envvar="BRAIDCAST_SETTLE", help="How long the full room is left before that.")
    ] = "5s",
    seed: Annotated[
        int, typer.Option(envvar="BRAIDCAST_SEED", help="The same seed gives the same run on any machine.")
    ] = 1,
    uplink: Annotated[
        str,
        typer.Option(
            envvar="BRAIDCAST_UPLINK",
            help="What viewers can give: lognormal:3M (a fifth gives nothing), lognormal:2x (streams), 5M.",
        ),
    ] = "lognormal:2x",
    rtt: Annotated[
        str, typer.Option(envvar="BRAIDCAST_RTT", help="Mean round trip between two peers.")
    ] = "40ms",
    jitter: Annotated[str, typer.Option(envvar="BRAIDCAST_JITTER", help="At most so much is added.")] = "4ms",
    loss: Annotated[str, typer.Option(envvar="BRAIDCAST_LOSS", help="Mean packet loss, in bursts.")] = "0%",
    unreachable: Annotated[
        str, typer.Option(envvar="BRAIDCAST_UNREACHABLE", help="Share of pairs that cannot connect.")
    ] = "2%",
    churn: Annotated[
        str | None,
        typer.Option(envvar="BRAIDCAST_CHURN", help="Mean stay, such as 60s; who goes is replaced."),
    ] = None,
    behind: Annotated[
        str, typer.Option(envvar="BRAIDCAST_BEHIND", help="How far behind the publisher's edge viewers play.")
    ] = "1s",
    relays: Annotated[int, typer.Option(envvar="BRAIDCAST_RELAYS", min=0, help="Relays besides.")] = 0,
    event: Annotated[
        list[str] | None,
        typer.Option(
            envvar="BRAIDCAST_EVENT",
            help="flash:0.8+30, vanish:0.33@30, outage:600@10, partition:0.5@30+20; may be repeated.",
        ),
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(envvar="BRAIDCAST_ATTACK", help="NAME:SHARE, such as polluters:0.3; may be repeated."),
    ] = None,
    media: Annotated[
        str, typer.Option(envvar="BRAIDCAST_MEDIA", help="The recorded stream: pattern or film.")
    ] = "pattern",
    origin: Annotated[
        bool, typer.Option("--origin/--no-origin", envvar="BRAIDCAST_ORIGIN", help="Whether there is HTTP.")
    ] = True,
    chat: Annotated[
        str | None,
        typer.Option(
            envvar="BRAIDCAST_CHAT",
            help="A room that only talks, without a stream: so many messages a second in all.",
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(envvar="BRAIDCAST_PLOT", help="Draw the figures into an image file.")
    ] = None,
    json_lines: Json = False,
) -> None:
    """Thousands of viewers on an emulated network, by the very cores that run in production."""

    async def command() -> int:
        from peer.simulator.options import read_options

        options = read_options(
            viewers=viewers, seconds=seconds, settle=settle, seed=seed, uplink=uplink, rtt=rtt, jitter=jitter,
            loss=loss, unreachable=unreachable, churn=churn, behind=behind, relays=relays, events=event or [],
            attacks=attack or [], media=media, origin=origin, chat=chat,
        )  # fmt: skip
        return await commands.simulate(options, plot, json_lines)

    _exit(command)


@app.command()
def doctor() -> None:
    """What this machine and network can do (not built yet)."""
    _not_yet("braidcast doctor")


def media_options(height: int, bitrate: str, ladder: str | None, audio: str, once: bool) -> MediaOptions:
    """Raises CommandError with one sentence."""
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


def parse_rate(text: str) -> int:
    """Bits per second: `800k`, `50M`, `1500000`. Raises CommandError."""
    rate = parse_amount(text)
    if rate is None:
        raise CommandError(f"{text!r} is no bit rate: give bits per second, such as 800k or 50M.")
    return rate


def _not_yet(what: str) -> None:
    say(f"{what} is not built yet; the changelog tells what is.")
    raise typer.Exit(FAILURE)


def _exit(command: Any) -> None:
    raise typer.Exit(run(command))


def main() -> None:
    """Read the command line and do what it says."""
    sys.exit(app())
