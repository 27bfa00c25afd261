"""The options of `braidcast demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from peer.cli.encoding import Audio, Bitrate, Height, LadderOption, Once, Source, media_options
from peer.cli.ending import exit_after
from peer.cli.options import ROOM, SERVER, Host, Ice, Json, KeyFile, Port, Window


def demo(
    source: Source = "test:",
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
    from peer.commands.demo import DemoOptions
    from peer.commands.demo import demo as run_demo
    from peer.hosting import parse_window
    from peer.ice_servers import parse_ice_servers
    from peer.membership import Membership, state_file
    from signaling.server.config import Config

    async def command() -> int:
        media = media_options(height, bitrate, ladder, audio, once)
        back = parse_window(window, None, "4G")
        options = DemoOptions(source, host, port, relays, media, back, json_lines)
        ices = parse_ice_servers(ice_server or ())
        place = Membership(SERVER, ROOM, key_file=key_file or state_file("demo.key"), ice_servers=ices)
        return await run_demo(options, place, Config(ice_servers=ices))

    exit_after(command)
