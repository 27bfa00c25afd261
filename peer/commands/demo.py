"""`braidcast demo`: introducer, pages, publisher and relays in one process."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from peer.addresses import free_port, lan_address, watch_url
from peer.commands.publish import publish_and_tell
from peer.hosting import WILDCARDS
from peer.media.hls import WindowOptions
from peer.media.ingest import check_input
from peer.media.parts import MediaOptions
from peer.membership import Membership
from peer.publisher import Publisher
from peer.relay import Relay
from peer.showing import StatusLine, print_json
from signaling.server.app import INTRODUCER, create_app
from signaling.server.app import run as run_introducer
from signaling.server.config import Config


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
    """Until the source has ended."""
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
        await publish_and_tell(publisher, peer, line)
    return 0
