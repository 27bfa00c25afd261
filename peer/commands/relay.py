"""`braidcast relay`: carries streams without playing them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from peer.api import Peer
from peer.chat_retention import Retention
from peer.hosting import origin_url, parse_address, serve
from peer.media.hls import WindowOptions
from peer.membership import Membership
from peer.relay import Relay
from peer.showing import TELL_EVERY, StatusLine, clock, print_json, rate


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
    """Until it is interrupted."""
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
