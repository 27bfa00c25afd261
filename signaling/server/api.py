"""What programs can ask an introducer over HTTP."""

import re
from typing import Any

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from signaling.binary import from_base64url
from signaling.core.room import Room
from signaling.core.streams import LiveStream
from signaling.fields import NAME_PATTERN
from signaling.server.sockets import Introducer

NAME = re.compile(NAME_PATTERN)
NO_STORE = {"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"}


class Api:
    """The handlers of /api/v1, the health checks and the metrics."""

    def __init__(self, introducer: Introducer) -> None:
        self._introducer = introducer

    def routes(self) -> list[web.RouteDef]:
        """Where they answer."""
        return [
            web.get("/healthz", self.health),
            web.get("/readyz", self.ready),
            web.get("/metrics", self.metrics),
            web.get("/api/v1/rooms", self.rooms),
            web.get("/api/v1/rooms/{room}", self.room),
            web.get("/live/{room}/{stream}/description", self.description),
        ]

    async def health(self, _request: web.Request) -> web.Response:
        """The process answers."""
        return web.Response(text="ok\n", headers=NO_STORE)

    async def ready(self, _request: web.Request) -> web.Response:
        """New peers are welcome."""
        if self._introducer.stopping:
            return web.Response(status=503, text="stopping\n", headers=NO_STORE)
        return web.Response(text="ready\n", headers=NO_STORE)

    async def metrics(self, _request: web.Request) -> web.Response:
        """Prometheus' text format."""
        headers = {"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
        return web.Response(body=self._introducer.metrics.text(), headers=headers)

    async def rooms(self, _request: web.Request) -> web.Response:
        """All rooms in short."""
        rooms = [
            {
                "room": room.name,
                "peers": len(room.members),
                "streams": [stream.description.stream for stream in room.streams.all()],
            }
            for room in self._introducer.rooms.rooms.values()
        ]
        return answer({"rooms": rooms})

    async def room(self, request: web.Request) -> web.Response:
        """One room: how many of whom, and its streams."""
        name = request.match_info["room"]
        room = self._introducer.rooms.rooms.get(name)
        if room is None:
            return answer({"error": "There is no such room."}, status=404)
        roles: dict[str, int] = {}
        for member in room.members.values():
            roles[member.role] = roles.get(member.role, 0) + 1
        return answer(
            {
                "room": name,
                "peers": len(room.members),
                "roles": roles,
                "streams": [describe(room, stream) for stream in room.streams.all()],
            }
        )

    async def description(self, request: web.Request) -> web.Response:
        """The signed description, for who begins before its WebSocket is open (protocol.md section 10)."""
        room = self._introducer.rooms.rooms.get(request.match_info["room"])
        stream = None if room is None else room.streams.get(request.match_info["stream"])
        if stream is None:
            return web.Response(status=404, text="There is no such stream here.\n", headers=NO_STORE)
        body = from_base64url(stream.text)
        return web.Response(body=body, content_type="application/octet-stream", headers=NO_STORE)


def describe(room: Room, stream: LiveStream) -> dict[str, Any]:
    """A stream as the API shows it."""
    description = stream.description
    return {
        "stream": description.stream,
        "title": description.title,
        "state": description.state,
        "publisher": stream.publisher,
        "publisher_here": stream.abandoned_at is None,
        "renditions": [
            {
                "rendition": rendition.id,
                "bandwidth": rendition.bandwidth,
                "stripes": rendition.stripes,
                "watchers": room.braids.watchers(description.stream, rendition.id),
            }
            for rendition in description.renditions
        ],
    }


def answer(value: dict[str, Any], *, status: int = 200) -> web.Response:
    """A JSON response that any page may read and nobody may keep."""
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json", headers=NO_STORE
    )
