"""What each command does between its options and its exit code."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from rich.console import Console

from peer.api import Peer
from peer.chat_retention import Retention
from peer.hosting import WILDCARDS, origin_app, origin_url, parse_address, serve
from peer.media.hls import WindowOptions
from peer.media.ingest import check_input
from peer.media.parts import MediaOptions
from peer.membership import Membership
from peer.publisher import Publisher
from peer.recorder import Recorder
from peer.relay import Relay
from peer.running import FAILURE, CommandError
from peer.sealer import State
from peer.showing import StatusLine, clock, print_json, rate
from peer.simulator.options import Options
from peer.simulator.plot import check_plot, draw
from peer.simulator.progress import SimulationProgress
from peer.simulator.run import ChatSimulation, Run, Simulation
from peer.simulator.table import show
from signaling.protocol import to_base64url
from signaling.server.app import INTRODUCER, create_app
from signaling.server.app import run as run_introducer
from signaling.server.config import Config

TELL_EVERY = 1.0
BREATHE_EVERY = 0.1
"""Seconds for which a simulation computes without looking up."""


def watch_url(server: str, room: str, key: bytes, stream: str = "main") -> str:
    """The address of the room's page, with the publisher's key pinned in its fragment."""
    extra = "" if stream == "main" else f"&stream={stream}"
    return f"{server.rstrip('/')}/watch/{room}#key={to_base64url(key)}{extra}"


async def signal(config: Config, json_lines: bool) -> int:
    """`braidcast signal`: the introducer and the pages."""
    async with run_introducer(config) as running:
        with StatusLine(json_lines) as line:
            if json_lines:
                print_json({"event": "listening", "url": running.url})
            line.say(f"The introducer listens at {running.url}")
            await asyncio.Event().wait()
    return 0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    source: str
    host: str
    port: int
    relays: int
    options: MediaOptions
    window: WindowOptions
    json_lines: bool


async def demo(options: DemoOptions, membership: Membership, config: Config) -> int:
    """`braidcast demo`: introducer, pages, publisher and relays in one process."""
    source = check_input(options.source)
    port = options.port or free_port(options.host)
    local = "127.0.0.1" if options.host in WILDCARDS else options.host
    server = f"http://{f'[{local}]' if ':' in local else local}:{port}"
    app = create_app(replace(config, host=options.host, port=port))
    async with AsyncExitStack() as stack:
        line = stack.enter_context(StatusLine(options.json_lines))
        peer = replace(membership, server=server).prepare("publisher", name="Publisher")
        publisher = Publisher(
            peer.node,
            options.source,
            "main",
            options.options,
            title="Braidcast demo",
            origins=(f"/live/{membership.room}/main",),
            window=options.window,
            registry=app[INTRODUCER].metrics.registry,
        )
        stack.callback(publisher.origin.close)
        publisher.origin.mount(app)
        await stack.enter_async_context(run_introducer(replace(config, host=options.host, port=port), app))
        await stack.enter_async_context(peer)
        for number in range(options.relays):
            relay = replace(membership, server=server, key_file=None).prepare(
                "relay", name=f"Relay {number + 1}"
            )
            await stack.enter_async_context(relay)
            Relay(relay.node)
        url = watch_url(server, membership.room, peer.node.identity.key)
        if options.json_lines:
            print_json({"event": "listening", "url": server, "watch_url": url})
        line.say(f"Source:   {source}")
        line.say(f"Watch:    {url}", "bold")
        if options.host in WILDCARDS:
            there = watch_url(f"http://{lan_address()}:{port}", membership.room, peer.node.identity.key)
            line.say(f"Network:  {there}")
        line.say(f"Playlist: {server}{publisher.origin.path}/index.m3u8")
        line.say("Open the watch page in a few tabs: they feed each other. Ctrl-C stops.", "dim")
        await _publish(publisher, peer, line)
    return 0


async def publish(
    membership: Membership,
    source: str,
    stream: str,
    options: MediaOptions,
    http: str | None,
    http_url: str | None,
    window: WindowOptions,
    record: Path | None,
    json_lines: bool,
) -> int:
    """`braidcast publish`."""
    source_input = check_input(source)
    registry = CollectorRegistry()
    async with AsyncExitStack() as stack:
        line = stack.enter_context(StatusLine(json_lines))
        peer = membership.prepare("publisher", name="Publisher")
        origins: tuple[str, ...] = ()
        address = None if http is None else parse_address(http)
        if address is not None:
            origins = (f"{origin_url(address, http_url)}/live/{membership.room}/{stream}",)
        elif http_url is not None:
            origins = (f"{http_url.rstrip('/')}/live/{membership.room}/{stream}",)
        publisher = Publisher(
            peer.node,
            source,
            stream,
            options,
            origins=origins,
            window=None if address is None else window,
            registry=registry,
        )
        stack.callback(publisher.origin.close)
        recorder = _recorder(record, line)
        if recorder is not None:
            publisher.on_item.append(recorder.item)
        if address is not None:
            app = origin_app(registry)
            publisher.origin.mount(app)
            await stack.enter_async_context(serve(app, address))
        await stack.enter_async_context(peer)
        url = watch_url(membership.server, membership.room, peer.node.identity.key, stream)
        if json_lines:
            print_json({"event": "joined", "watch_url": url, "origins": list(origins)})
        line.say(f"Source:   {source_input}")
        line.say(f"Watch:    {url}", "bold")
        for origin in origins:
            line.say(f"Playlist: {origin}/index.m3u8")
        try:
            await _publish(publisher, peer, line)
        finally:
            if recorder is not None:
                await recorder.close()
    return 0


def _recorder(path: Path | None, line: StatusLine) -> Recorder | None:
    def told(sentence: str) -> None:
        line.say(sentence)
        if line.json_lines:
            print_json({"event": "recording", "text": sentence})

    return None if path is None else Recorder(path, told)


async def _publish(publisher: Publisher, peer: Peer, line: StatusLine) -> None:
    def told(state: State) -> None:
        qualities = publisher.renditions if state == "live" else ()
        detail = "; ".join(
            f"{f'{each.width}x{each.height}, ' if each.width else ''}{each.codecs}, {rate(each.bandwidth)}"
            for each in qualities
        )
        line.say(f"Stream {publisher.stream} is {state}{': ' if detail else ''}{detail}")
        if line.json_lines:
            print_json({"event": "state", "state": state, "renditions": [each.id for each in qualities]})

    publisher.on_state.append(told)
    telling = asyncio.create_task(_tell_publisher(publisher, peer, line), name="telling")
    try:
        await peer.alive_while(publisher.run())
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def _tell_publisher(publisher: Publisher, peer: Peer, line: StatusLine) -> None:
    before = (0, 0)
    while True:
        await asyncio.sleep(TELL_EVERY)
        sent, media = publisher.sent.link + publisher.sent.http, publisher.media_bytes
        part_sent, part_media = sent - before[0], media - before[1]
        before = (sent, media)
        viewers = sum(1 for entry in peer.roster if entry.role == "viewer")
        times = part_sent / part_media if part_media else 0.0
        record: dict[str, Any] = {
            "sent_bytes": {"http": publisher.sent.http, "link": publisher.sent.link},
            "media_bytes": media,
            "parts": publisher.parts,
            "viewers": viewers,
            "links": len(peer.node.mesh.peers),
            "times_stream": round(times, 3),
        }
        if line.json_lines:
            print_json(record)
        line.update(
            f"{clock(line.running_for)}  {viewers} watching, {record['links']} links, "
            f"media {rate(8 * part_media / TELL_EVERY)}, sent {times:.2f} x the stream"
        )


async def relay(
    membership: Membership,
    streams: tuple[str, ...],
    renditions: tuple[str, ...],
    uplink: int | None,
    http: str | None,
    http_url: str | None,
    window: WindowOptions,
    store: Path | None,
    retention: Retention,
    file_quota: int,
    owner: str | None,
    json_lines: bool,
) -> int:
    """`braidcast relay`."""
    async with AsyncExitStack() as stack:
        line = stack.enter_context(StatusLine(json_lines))
        peer = membership.prepare(
            "relay", name="Relay", store=store, retention=retention, owner=owner, file_quota=file_quota
        )
        relaying = Relay(
            peer.node, streams, renditions, uplink=uplink, serves=http is not None, window=window
        )
        stack.callback(relaying.close)
        if http is not None and relaying.app is not None:
            address = parse_address(http)
            await stack.enter_async_context(serve(relaying.app, address))
            for stream in streams:
                base = origin_url(address, http_url)
                line.say(f"Playlist: {base}/live/{membership.room}/{stream}/index.m3u8")
        await stack.enter_async_context(peer)
        line.say(f"Relaying in room {membership.room} at {membership.server}. Ctrl-C stops.")
        await peer.alive_while(_tell_relay(relaying, peer, line))
    return 0


async def _tell_relay(relaying: Relay, peer: Peer, line: StatusLine) -> None:
    before = 0
    keeper = peer.chat.session.keeper
    while True:
        await asyncio.sleep(TELL_EVERY)
        counters = relaying.counters()
        up, before = counters.to_peers - before, counters.to_peers
        if line.json_lines:
            print_json(
                {
                    "streams": relaying.names,
                    "bytes_from_peers": counters.from_viewers + counters.from_relays,
                    "bytes_from_relays": counters.from_relays,
                    "bytes_from_origin": counters.from_publisher + counters.from_http,
                    "bytes_to_peers": counters.to_peers,
                    "bytes_over_http": relaying.sent.http,
                    "blocks_rejected": counters.blocks_rejected,
                    "equivocations": counters.equivocations,
                    "links": len(peer.node.mesh.peers),
                    "children": relaying.children(),
                    "chat_messages_kept": keeper.kept if keeper is not None else 0,
                    "file_bytes_kept": peer.chat.files.kept,
                    "file_bytes_sent": peer.chat.files.sent,
                }
            )
        line.update(
            f"{clock(line.running_for)}  {len(relaying.names)} streams, "
            f"{len(peer.node.mesh.peers)} links, {relaying.children()} stripe children, "
            f"up {rate(8 * up / TELL_EVERY)}"
        )


async def watch(
    membership: Membership,
    stream: str,
    rendition: str | None,
    seconds: float | None,
    record: Path | None,
    json_lines: bool,
) -> int:
    """`braidcast watch`: a headless viewer."""
    deadline = None if seconds is None else time.monotonic() + seconds
    with StatusLine(json_lines) as line:
        async with membership.prepare("viewer") as peer:
            viewing = peer.viewing(stream, rendition)
            recorder = _recorder(record, line)
            if recorder is not None:
                viewing.on_part.append(recorder.part)
            line.say(f"Watching {stream} in room {membership.room}. Ctrl-C stops.")
            try:
                while not (viewing.ended or (recorder is not None and recorder.failed)) and (
                    deadline is None or time.monotonic() < deadline
                ):
                    await peer.check()
                    there = viewing.renditions
                    if rendition is not None and there and rendition not in there:
                        raise CommandError(
                            f"The stream {stream} has no rendition {rendition}, but {', '.join(there)}."
                        )
                    pause = TELL_EVERY if deadline is None else min(TELL_EVERY, deadline - time.monotonic())
                    await asyncio.sleep(max(0.0, pause))
                    stats = viewing.stats()
                    if json_lines:
                        print_json(stats)
                    line.update(_viewer_line(line, stats))
            finally:
                if recorder is not None:
                    await recorder.close()
            played = viewing.stats()["parts"] > 0
    if not played:
        line.say(f"Nothing of the stream {stream} came.")
    return 0 if played and not (recorder is not None and recorder.failed) else FAILURE


async def simulate(options: Options, plot: Path | None, json_lines: bool) -> int:
    """`braidcast simulate`."""
    simulation: Run
    if options.chat is not None:
        simulation = ChatSimulation(options)
        await _simulated(simulation)
    else:
        if plot is not None:
            check_plot(plot)
        simulation = Simulation(options)
        await _simulated(simulation)
        if plot is not None:
            draw(simulation.record, simulation.world.measures.delays.shares(), plot)
    if json_lines:
        print_json(simulation.record)
    else:
        show(simulation.record, Console(highlight=False))
    return 0


async def _simulated(simulation: Run) -> None:
    with SimulationProgress() as progress:
        yielded = time.monotonic()
        for share in simulation:
            if time.monotonic() - yielded >= BREATHE_EVERY:
                progress.update(share)
                await asyncio.sleep(0)  # Ctrl-C is heard here
                yielded = time.monotonic()


def _viewer_line(line: StatusLine, stats: dict[str, Any]) -> str:
    peers, origin = stats["bytes_from_peers"], stats["bytes_from_origin"]
    share = 100 * peers / (peers + origin) if peers + origin else 0.0
    latency = stats["live_latency"]
    return (
        f"{clock(line.running_for)}  latency {'-' if latency is None else f'{latency:.2f} s'}, "
        f"{share:.0f} % from viewers, {stats['stalls']} stalls, {stats['peers']} links"
    )


def free_port(host: str) -> int:
    """A port that nobody listens on at the moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def lan_address() -> str:
    """This machine's address on its own network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
