"""A peer that speaks to an introducer and nothing else, for tests of the introducer."""

import asyncio
import secrets
from typing import Any, Self, TypeVar

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signaling.protocol import (
    TAG_JOIN,
    TAG_STREAM,
    Announce,
    Answer,
    Candidate,
    Challenge,
    ClientMessage,
    ErrorMessage,
    Hello,
    Offer,
    Role,
    ServerMessage,
    Welcome,
    decode_server,
    encode,
    from_base64url,
    join_payload,
    peer_id,
    to_base64url,
)

M = TypeVar("M", bound=msgspec.Struct)
PATIENCE = 5.0


class Key:
    """An Ed25519 key with the texts that messages carry of it."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        self.raw = self._private.public_key().public_bytes_raw()
        self.text = to_base64url(self.raw)
        self.id = peer_id(self.raw).hex()

    def sign(self, tag: bytes, data: bytes) -> bytes:
        """A signature over tag and data."""
        return self._private.sign(tag + data)

    def hello(self, challenge: bytes, room: str = "demo", **changes: Any) -> Hello:
        """A hello with a fresh nonce that answers a challenge."""
        nonce = changes.pop("nonce", None) or secrets.token_bytes(16)
        fields: dict[str, Any] = {
            "version": 1,
            "room": room,
            "key": self.text,
            "nonce": to_base64url(nonce),
            "signature": to_base64url(self.sign(TAG_JOIN, join_payload(room, challenge, self.raw, nonce))),
            "role": "viewer",
        }
        return Hello(**(fields | changes))

    def description(self, room: str = "demo", stream: str = "main", **changes: Any) -> str:
        """A signed stream description with one rendition of four stripes, as messages carry it."""
        fields = {
            "version": 1,
            "room": room,
            "stream": stream,
            "title": "A test",
            "state": "live",
            "epoch": 1,
            "revision": 1,
            "part_duration": 0.1,
            "origins": [],
            "renditions": [{"id": "360p", "codecs": "avc1", "bandwidth": 800_000, "stripes": 4, "inits": []}],
        }
        text = msgspec.json.encode(fields | changes)
        return to_base64url(self.raw + self.sign(TAG_STREAM, text) + text)


class Peer:
    """A joined peer. Messages that no one waited for yet are kept in order."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, key: Key) -> None:
        self.socket = socket
        self.key = key
        self.seen: list[ServerMessage] = []
        self.welcome: Welcome | None = None

    @property
    def id(self) -> str:
        """The peer id."""
        return self.key.id

    async def send(self, message: ClientMessage) -> None:
        """Send a message."""
        await self.socket.send_str(encode(message).decode())

    async def expect(self, kind: type[M]) -> M:
        """The next message of a type; those of others that come before are kept in `seen`."""
        async with asyncio.timeout(PATIENCE):
            while True:
                frame = await self.socket.receive()
                assert frame.type is aiohttp.WSMsgType.TEXT, (frame, self.seen[-3:])
                message = decode_server(frame.data)
                assert message is not None
                if isinstance(message, kind):
                    return message
                self.seen.append(message)

    async def closed(self) -> int:
        """The code with which the server closes the socket; what comes before is kept in `seen`."""
        async with asyncio.timeout(PATIENCE):
            while True:
                frame = await self.socket.receive()
                if frame.type is not aiohttp.WSMsgType.TEXT:
                    assert self.socket.close_code is not None
                    return self.socket.close_code
                message = decode_server(frame.data)
                assert message is not None
                self.seen.append(message)

    async def refused(self) -> ErrorMessage:
        """The next error."""
        return await self.expect(ErrorMessage)

    async def announce(self, **changes: Any) -> None:
        """Announce the stream `main`."""
        await self.send(Announce(self.key.description(**changes)))

    def offer(self, to: str, **changes: Any) -> Offer:
        """An offer, which the introducer does not look into."""
        fields: dict[str, Any] = {
            "to": to,
            "connection": "00" * 8,
            "key": self.key.text,
            "nonce": "A" * 22,
            "sdp": "v=0",
            "signature": "A" * 86,
        }
        return Offer(**(fields | changes))

    def answer(self, to: str) -> Answer:
        """An answer."""
        return Answer(to, "00" * 8, self.key.text, "A" * 22, "v=0", "A" * 86)

    def candidate(self, to: str) -> Candidate:
        """A candidate."""
        return Candidate(to, "00" * 8, "candidate:1", "0", 0)

    async def drop(self) -> None:
        """Close the socket without a leave."""
        await self.socket.close()


class People:
    """Makes peers at one introducer and closes their sockets in the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = aiohttp.ClientSession()
        self._peers: list[Peer] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for peer in self._peers:
            # Else the garbage collector does, which warns if it comes to the connection before the response.
            peer.socket._response.close()
        await self.http.close()

    async def connect(self, key: Key | None = None) -> tuple[Peer, bytes]:
        """A socket on which nothing was said, and the challenge that came on it."""
        socket = await self.http.ws_connect(f"{self.url}/ws", max_msg_size=0)
        peer = Peer(socket, key or Key())
        self._peers.append(peer)
        challenge = await peer.expect(Challenge)
        return peer, from_base64url(challenge.nonce)

    async def join(self, role: Role = "viewer", key: Key | None = None, **changes: Any) -> Peer:
        """A peer that is in the room."""
        peer, challenge = await self.connect(key)
        await peer.send(peer.key.hello(challenge, role=role, **changes))
        peer.welcome = await peer.expect(Welcome)
        return peer
