"""The options of `braidcast simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from peer.cli.ending import exit_after
from peer.cli.options import Json


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
    joins: Annotated[
        float,
        typer.Option(
            envvar="BRAIDCAST_JOINS", min=1, max=10_000, help="How many come a second while the room fills."
        ),
    ] = 50,
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
    from peer.commands.simulate import simulate as run_simulate
    from peer.simulator.options import read_options

    async def command() -> int:
        options = read_options(
            viewers=viewers, seconds=seconds, settle=settle, joins=joins, seed=seed, uplink=uplink, rtt=rtt,
            jitter=jitter, loss=loss, unreachable=unreachable, churn=churn, behind=behind, relays=relays,
            events=event or [], attacks=attack or [], media=media, origin=origin, chat=chat,
        )  # fmt: skip
        return await run_simulate(options, plot, json_lines)

    exit_after(command)
