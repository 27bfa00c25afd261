"""The client of an introducer, against servers that do as a test says: refuse, hang, die, come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import pytest
import pytest_asyncio
from aiohttp import WSMsgType, web

from peer.identity import Identity, verify
from peer.introducer import QUEUE_LIMIT, Introducer
from peer.introducer_events import Down, Event, IntroducerError, Up, websocket_url
from peer.signing import TAG_JOIN, join_payload
from signaling.protocol import ErrorMessage, Joined, Neighbours, from_base64url, to_base64url

pytestmark = pytest.mark.asyncio

CHALLENGE = {"type": "challenge", "versions": [1], "capabilities": [], "nonce": to_base64url(b"c" * 16)}
IDENTITY = Identity(b"\x01" * 32)
PATIENCE = 10.0


def welcome(session: str = "first", heartbeat: float = 10.0) -> dict[str, Any]:
    return {
        "type": "welcome",
        "version": 1,
        "peer": IDENTITY.id.hex(),
        "session": session,
        "ice_servers": [],
        "heartbeat": heartbeat,
        "roster": [],
        "count": 1,
        "streams": [],
    }


def error(code: str, sentence: str = "So it is.", fatal: bool = True) -> dict[str, Any]:
    return {"type": "error", "code": code, "message": sentence, "fatal": fatal}


class Visit:
    """One socket at the server."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket

    async def send(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            await self.socket.send_str(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        """The next message, or `{}` when the client has closed the socket."""
        frame = await self.socket.receive(timeout=PATIENCE)
        message: dict[str, Any] = json.loads(frame.data) if frame.type is WSMsgType.TEXT else {}
        return message

    async def join(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Challenge, hello, answer. Returns the hello."""
        await self.send(CHALLENGE)
        hello = await self.receive()
        await self.send(answer)
        return hello


Script: TypeAlias = Callable[[Visit], Awaitable[None]]


class Server:
    """Plays one script for each socket that is opened, the last one again and again."""

    def __init__(self) -> None:
        self.scripts: list[Script] = []
        self.visits = 0
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/ws", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        script = self.scripts[min(self.visits, len(self.scripts) - 1)]
        self.visits += 1
        await script(Visit(socket))
        await socket.close()
        return socket


class Guest:
    """A client under test, its events and its task."""

    def __init__(self, server: Server, **options: Any) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Event()
        self.client = Introducer(
            f"http://127.0.0.1:{server.port}", "demo", IDENTITY, self._take, chance=lambda: 0.0, **options
        )
        self.task = asyncio.create_task(self.client.run())

    def _take(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, condition: Callable[[list[Event]], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition(self.events):
                self._changed.clear()
                await self._changed.wait()

    async def saw(self, kind: type[Event], times: int = 1) -> None:
        await self.until(lambda events: sum(isinstance(event, kind) for event in events) >= times)

    async def leave(self) -> None:
        self.client.close()
        async with asyncio.timeout(PATIENCE):
            await self.task

    async def is_refused(self) -> IntroducerError:
        with pytest.raises(IntroducerError) as caught:
            async with asyncio.timeout(PATIENCE):
                await self.task
        return caught.value


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    await server.start()
    yield server
    await server.stop()


async def drain(visit: Visit) -> None:
    while await visit.receive():
        pass


async def test_hello_proves_the_key_and_the_welcome_is_told(server: Server) -> None:
    hellos: list[dict[str, Any]] = []

    async def script(visit: Visit) -> None:
        hellos.append(await visit.join(welcome()))
        await drain(visit)

    server.scripts = [script]
    guest = Guest(server, name="Ann", token="secret", role="relay")
    await guest.saw(Up)
    (hello,) = hellos
    key, nonce = from_base64url(hello["key"]), from_base64url(hello["nonce"])
    payload = join_payload("demo", b"c" * 16, key, nonce)
    assert key == IDENTITY.key
    assert nonce == guest.client.nonce
    assert verify(key, TAG_JOIN, payload, from_base64url(hello["signature"]))
    assert (hello["name"], hello["token"], hello["role"], hello["session"]) == (
        "Ann",
        "secret",
        "relay",
        None,
    )
    up = guest.events[0]
    assert isinstance(up, Up)
    assert not up.resumed
    await guest.leave()


async def test_leaving_says_so(server: Server) -> None:
    said: list[dict[str, Any]] = []

    async def script(visit: Visit) -> None:
        await visit.join(welcome())
        while message := await visit.receive():
            said.append(message)

    server.scripts = [script]
    guest = Guest(server)
    await guest.saw(Up)
    assert guest.client.send(Neighbours(3))
    await guest.leave()
    assert [message["type"] for message in said] == ["neighbours", "leave"]
    assert not guest.client.send(Neighbours(3))


async def test_dropped_socket_is_resumed_and_told_what_holds(server: Server) -> None:
    hellos: list[dict[str, Any]] = []
    told: list[list[dict[str, Any]]] = [[], []]
    dropped = asyncio.Event()

    async def first(visit: Visit) -> None:
        hellos.append(await visit.join(welcome("first")))
        told[0] = [await visit.receive() for _ in range(4)]
        dropped.set()

    async def second(visit: Visit) -> None:
        hellos.append(await visit.join(welcome("first")))
        told[1] = [await visit.receive() for _ in range(3)]
        await visit.send({"type": "joined", "peer": "0" * 32, "name": "", "role": "viewer", "count": 2})
        await drain(visit)

    server.scripts = [first, second]
    guest = Guest(server)
    await guest.saw(Up)
    guest.client.announce("main", b"d" * 100)
    guest.client.watch("main", "360p")
    guest.client.watch("main", "720p", uplink=5)
    guest.client.watch("main", "360p", carry=False)
    await dropped.wait()
    await guest.saw(Down)
    guest.client.unwatch("main", "720p")
    await guest.saw(Joined)
    assert hellos[0]["session"] is None
    assert hellos[1]["session"] == "first"
    assert hellos[0]["nonce"] == hellos[1]["nonce"], "introductions made before stay good"
    assert [message["type"] for message in told[1]] == ["unwatch", "announce", "watch"]
    assert told[1][2]["carry"] is False
    ups = [event for event in guest.events if isinstance(event, Up)]
    assert [up.resumed for up in ups] == [False, True]
    await guest.leave()


async def test_restarted_server_gives_a_new_session(server: Server) -> None:
    async def script(visit: Visit) -> None:
        await visit.join(welcome(f"session{server.visits}"))
        await drain(visit)

    server.scripts = [script]
    guest = Guest(server)
    await guest.saw(Up)
    await server.stop()
    await guest.saw(Down)
    await server.start()
    await guest.saw(Up, 2)
    up = guest.events[-1]
    assert isinstance(up, Up)
    assert not up.resumed
    await guest.leave()


async def test_session_that_is_not_known_any_more_is_given_up(server: Server) -> None:
    hellos: list[dict[str, Any]] = []

    async def first(visit: Visit) -> None:
        hellos.append(await visit.join(welcome()))

    async def second(visit: Visit) -> None:
        hellos.append(await visit.join(error("unknown-session")))

    async def third(visit: Visit) -> None:
        hellos.append(await visit.join(welcome("new")))
        await drain(visit)

    server.scripts = [first, second, third]
    guest = Guest(server)
    await guest.saw(Up, 2)
    assert [hello["session"] for hello in hellos] == [None, "first", None]
    await guest.leave()


@pytest.mark.parametrize("code", ["refused", "signature", "room-full", "version", "duplicate"])
async def test_refusal_ends_it_with_one_sentence(server: Server, code: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.join(error(code, "This room is closed."))

    server.scripts = [script]
    refusal = await Guest(server).is_refused()
    assert (refusal.code, refusal.sentence) == (code, "This room is closed.")
    assert server.visits == 1


async def test_version_that_we_do_not_speak_ends_it_with_one_sentence(server: Server) -> None:
    async def script(visit: Visit) -> None:
        await visit.send({**CHALLENGE, "versions": [2, 3]})
        await drain(visit)

    server.scripts = [script]
    refusal = await Guest(server).is_refused()
    assert refusal.code == "version"
    assert "speaks version 2, 3" in refusal.sentence


async def test_second_program_with_our_key_ends_the_first(server: Server) -> None:
    """Coming back would throw the other one out in turn, for ever."""

    async def script(visit: Visit) -> None:
        await visit.join(welcome())
        await visit.send(error("duplicate", "The same key joined this room from elsewhere."))

    server.scripts = [script]
    assert (await Guest(server).is_refused()).code == "duplicate"
    assert server.visits == 1


async def test_error_that_is_not_fatal_is_told_and_survived(server: Server) -> None:
    async def script(visit: Visit) -> None:
        await visit.join(welcome())
        await visit.send(error("unknown-peer", fatal=False), {"type": "pong"})
        await drain(visit)

    server.scripts = [script]
    guest = Guest(server)
    await guest.saw(ErrorMessage)
    assert guest.client.is_up
    await guest.leave()


async def test_what_is_not_understood_is_passed_over(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(visit: Visit) -> None:
        await visit.join(welcome())
        await visit.send({"type": "weather", "rain": True}, {"type": "joined", "peer": 7}, {"no": "type"})
        await visit.socket.send_bytes(b"\x00\x01")
        await visit.socket.send_str("[" * 10_000)
        await visit.send({"type": "joined", "peer": "0" * 32, "name": "", "role": "viewer", "count": 2})
        await drain(visit)

    server.scripts = [script]
    guest = Guest(server)
    await guest.saw(Joined)
    assert [type(event) for event in guest.events] == [Up, Joined]
    assert caplog.text.count("is ignored") == 4
    await guest.leave()


async def test_silent_introducer_counts_as_dead(server: Server) -> None:
    async def silent(visit: Visit) -> None:
        await visit.join(welcome(heartbeat=1.0))
        await drain(visit)

    server.scripts = [silent]
    guest = Guest(server)
    await guest.saw(Down)
    down = guest.events[-1]
    assert isinstance(down, Down)
    assert down.sentence == "The introducer has fallen silent."
    await guest.leave()


async def test_answered_heartbeat_keeps_it_alive(server: Server) -> None:
    pings = asyncio.Semaphore(0)

    async def lively(visit: Visit) -> None:
        await visit.join(welcome(heartbeat=1.0))
        while message := await visit.receive():
            if message["type"] == "ping":
                await visit.send({"type": "pong"})
                pings.release()

    server.scripts = [lively]
    guest = Guest(server)
    async with asyncio.timeout(PATIENCE):
        for _ in range(3):
            await pings.acquire()
    assert [type(event) for event in guest.events] == [Up]
    await guest.leave()


async def test_server_that_is_not_there_is_tried_again_with_growing_pauses() -> None:
    server = Server()
    await server.start()
    await server.stop()
    guest = Guest(server)
    await guest.saw(Down, 2)
    downs = [event for event in guest.events if isinstance(event, Down)]
    assert [down.retry for down in downs[:2]] == [0.25, 0.5]
    assert downs[0].sentence.startswith("The introducer at ws://127.0.0.1")
    assert downs[0].sentence.endswith("refused.") or "onnect" in downs[0].sentence
    await guest.leave()


async def test_web_server_without_an_introducer_is_named(server: Server) -> None:
    guest = Guest(server)
    await guest.leave()
    guest.client = Introducer(f"http://127.0.0.1:{server.port}/elsewhere", "demo", IDENTITY, guest._take)
    task = asyncio.create_task(guest.client.run())
    await guest.saw(Down)
    down = guest.events[-1]
    assert isinstance(down, Down)
    assert "answered 404 instead of opening a WebSocket" in down.sentence
    guest.client.close()
    await task


async def test_closing_while_the_server_hangs_is_prompt(server: Server) -> None:
    arrived = asyncio.Event()

    async def hang(visit: Visit) -> None:
        arrived.set()
        await drain(visit)

    server.scripts = [hang]
    guest = Guest(server)
    await arrived.wait()
    guest.client.close()
    async with asyncio.timeout(1.0):
        await guest.task


async def test_queue_to_the_introducer_is_bounded(server: Server) -> None:
    async def script(visit: Visit) -> None:
        await visit.join(welcome())
        await drain(visit)

    server.scripts = [script]
    guest = Guest(server)
    await guest.saw(Up)
    taken = sum(guest.client.send(Neighbours(1)) for _ in range(2 * QUEUE_LIMIT))
    assert taken == QUEUE_LIMIT
    await guest.leave()


async def test_failure_in_a_handler_does_not_cost_the_place(server: Server) -> None:
    async def script(visit: Visit) -> None:
        await visit.join(welcome())
        await visit.send({"type": "joined", "peer": "0" * 32, "name": "", "role": "viewer", "count": 2})
        await visit.send({"type": "left", "peer": "0" * 32, "count": 1})
        await drain(visit)

    server.scripts = [script]
    seen: list[str] = []
    finished = asyncio.Event()

    def clumsy(event: Event) -> None:
        seen.append(type(event).__name__)
        if isinstance(event, Joined):
            raise RuntimeError("a bug of ours")
        if len(seen) == 3:
            finished.set()

    client = Introducer(f"http://127.0.0.1:{server.port}", "demo", IDENTITY, clumsy)
    task = asyncio.create_task(client.run())
    async with asyncio.timeout(PATIENCE):
        await finished.wait()
    assert seen == ["Up", "Joined", "Left"]
    client.close()
    await task


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("http://host:8000", "ws://host:8000/ws"),
        ("https://host", "wss://host/ws"),
        ("host:8000", "ws://host:8000/ws"),
        ("ws://[::1]:8000/", "ws://[::1]:8000/ws"),
        ("https://host/live/", "wss://host/live/ws"),
        ("wss://host/ws", "wss://host/ws"),
    ],
)
async def test_addresses_of_introducers(server: str, url: str) -> None:
    assert websocket_url(server) == url


@pytest.mark.parametrize("server", ["", "ftp://host", "http://", "http://host:99999", "http://host:0"])
async def test_what_is_no_address_is_told(server: str) -> None:
    with pytest.raises(IntroducerError, match="no address of an introducer"):
        websocket_url(server)
