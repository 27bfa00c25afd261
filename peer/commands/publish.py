"""`braidcast publish`: one stream, and its origin and recording where these are asked for."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from peer.addresses import watch_url
from peer.api import Peer
from peer.commands.record import recorder_at
from peer.hosting import origin_app, origin_url, parse_address, serve
from peer.media.hls import WindowOptions
from peer.media.ingest import check_input
from peer.media.parts import MediaOptions
from peer.membership import Membership
from peer.publisher import Publisher
from peer.sealer import State
from peer.showing import TELL_EVERY, StatusLine, clock, print_json, rate


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
    """Until the source has ended."""
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
        recorder = recorder_at(record, line)
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
            await publish_and_tell(publisher, peer, line)
        finally:
            if recorder is not None:
                await recorder.close()
    return 0


async def publish_and_tell(publisher: Publisher, peer: Peer, line: StatusLine) -> None:
    """Publish until the source has ended, and say meanwhile how it goes."""

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
