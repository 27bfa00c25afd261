"""What an introducer answers over HTTP, and how it starts and stops."""

import asyncio
import datetime
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from signaling.core.limits import Limits
from signaling.protocol import Leave, Ping, Plan, Pong, Stream, Watch, to_base64url
from signaling.server import Config, SignalingError, create_app, run
from tests.signaling_peer import People

pytestmark = pytest.mark.asyncio


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>Front</h1>")
    (folder / "watch.html").write_text("<h1>Watch</h1>")
    (folder / "braidcast.js").write_text("export {};")
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "assets" / "watch-1a2b.js").write_text("export {};")
    (tmp_path / "secret.txt").write_text("not yours")
    return folder


@pytest_asyncio.fixture
async def people(pages: Path) -> AsyncIterator[People]:
    async with run(Config(port=0, pages=pages)) as running, People(running.url) as people:
        yield people


async def get(people: People, path: str) -> tuple[int, str, dict[str, str]]:
    async with people.http.get(people.url + path) as response:
        return response.status, await response.text(), dict(response.headers)


async def test_pages_come_with_headers_that_protect_them(people: People) -> None:
    for path, text in (("/", "Front"), ("/watch/demo", "Watch")):
        status, body, headers = await get(people, path)
        assert status == 200
        assert text in body
        assert headers["Content-Type"] == "text/html"
        assert headers["Cache-Control"] == "no-cache"
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


async def test_scripts_may_be_embedded_and_assets_are_kept(people: People) -> None:
    _, _, script = await get(people, "/braidcast.js")
    assert script["Cache-Control"] == "no-cache"
    assert script["Access-Control-Allow-Origin"] == "*"
    assert "javascript" in script["Content-Type"]
    _, _, asset = await get(people, "/assets/watch-1a2b.js")
    assert "immutable" in asset["Cache-Control"]
    assert (await get(people, "/icon.svg"))[0] == 200


async def test_unchanged_page_is_not_sent_again(people: People) -> None:
    _, _, headers = await get(people, "/")
    async with people.http.get(f"{people.url}/", headers={"If-None-Match": headers["Etag"]}) as response:
        assert response.status == 304


async def test_page_that_does_not_exist_yet_says_so(people: People) -> None:
    status, text, _ = await get(people, "/dashboard")
    assert status == 404
    assert text == "This page does not exist yet in this version of Braidcast.\n"


@pytest.mark.parametrize(
    "path", ["/", "/watch/demo", "/chat/demo", "/dashboard", "/braidcast.js", "/assets/x.js"]
)
async def test_pages_not_built_yet_say_so(tmp_path: Path, path: str) -> None:
    async with run(Config(port=0, pages=tmp_path / "none")) as running, People(running.url) as people:
        status, text, _ = await get(people, path)
    assert status == 503
    assert "make setup" in text


@pytest.mark.parametrize("name", ["-x", "a" * 65, "a%20b", "%3Cscript%3E", "a%0A"])
async def test_impossible_room_name_has_no_page(people: People, name: str) -> None:
    status, text, _ = await get(people, f"/watch/{name}")
    assert status == 404
    assert "name" in text


@pytest.mark.parametrize(
    "path", ["/assets/%2e%2e/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/assets/%00"]
)
async def test_nothing_outside_of_the_pages_is_served(people: People, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(people.url.rpartition(":")[2]))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert b"not yours" not in answer
    assert answer.split()[1] in (b"404", b"400")


async def test_health_and_readiness(people: People) -> None:
    assert (await get(people, "/healthz"))[:2] == (200, "ok\n")
    assert (await get(people, "/readyz"))[:2] == (200, "ready\n")


async def test_rooms_are_listed(people: People) -> None:
    assert json.loads((await get(people, "/api/v1/rooms"))[1]) == {"rooms": []}
    publisher = await people.join("publisher")
    await publisher.announce()
    viewer = await people.join()
    await viewer.send(Watch("main", "360p"))
    await viewer.expect(Plan)
    rooms = json.loads((await get(people, "/api/v1/rooms"))[1])
    assert rooms == {"rooms": [{"room": "demo", "peers": 2, "streams": ["main"]}]}
    room = json.loads((await get(people, "/api/v1/rooms/demo"))[1])
    assert room["roles"] == {"publisher": 1, "viewer": 1}
    (stream,) = room["streams"]
    assert stream["state"] == "live"
    assert stream["renditions"] == [{"rendition": "360p", "bandwidth": 800_000, "stripes": 4, "watchers": 1}]
    assert (await get(people, "/api/v1/rooms/none"))[0] == 404


async def test_room_goes_with_its_last_member(pages: Path) -> None:
    async with run(Config(port=0, pages=pages)) as running, People(running.url) as people:
        peer = await people.join()
        await peer.send(Leave())
        await peer.closed()
        assert json.loads((await get(people, "/api/v1/rooms"))[1]) == {"rooms": []}


async def test_metrics_count_what_happens(people: People) -> None:
    peer = await people.join()
    await peer.send(Ping())
    await peer.expect(Pong)
    await peer.send(peer.offer("00" * 16))
    await peer.refused()
    _, text, headers = await get(people, "/metrics")
    assert headers["Content-Type"].startswith("text/plain")
    lines = text.splitlines()
    for line in (
        "braidcast_rooms 1.0",
        "braidcast_peers 1.0",
        "braidcast_sockets 1.0",
        'braidcast_messages_total{direction="in",type="ping"} 1.0',
        'braidcast_messages_total{direction="out",type="pong"} 1.0',
        'braidcast_refused_total{code="unknown-peer"} 1.0',
    ):
        assert line in lines


async def test_plain_request_to_the_websocket_is_answered(people: People) -> None:
    assert (await get(people, "/ws"))[0] == 426


async def test_full_server_refuses_sockets() -> None:
    async with run(Config(port=0, limits=Limits(sockets=1))) as running, People(running.url) as people:
        await people.join()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await people.connect()
        assert refused.value.status == 503


async def test_stopping_closes_sockets_as_going_away() -> None:
    async with AsyncExitStack() as stack:
        async with run(Config(port=0)) as running:
            people = await stack.enter_async_context(People(running.url))
            idle, _ = await people.connect()
            joined = await people.join()
            closing = [asyncio.create_task(peer.closed()) for peer in (idle, joined)]
            await asyncio.sleep(0)
        assert [await task for task in closing] == [1001, 1001]


async def test_stopping_does_not_wait_for_a_peer_that_does_not_answer() -> None:
    async with asyncio.timeout(10):  # far from the minute that aiohttp would wait
        async with run(Config(port=0)) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(
                b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            await reader.readuntil(b"challenge")
        writer.close()


async def test_port_in_use_is_one_sentence() -> None:
    async with run(Config(port=0)) as running:
        with pytest.raises(SignalingError) as problem:
            async with run(Config(port=running.port)):
                pass
    assert (
        str(problem.value) == f"Port {running.port} is in use on 127.0.0.1: choose another one with --port."
    )


async def test_address_of_another_machine_is_one_sentence() -> None:
    with pytest.raises(SignalingError, match="--host"):
        async with run(Config(host="192.0.2.1", port=0)):
            pass


async def test_certificate_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SignalingError, match="--tls-key"):
        async with run(Config(port=0, tls_cert=tmp_path / "cert")):
            pass
    with pytest.raises(SignalingError, match="cannot be used"):
        async with run(Config(port=0, tls_cert=tmp_path / "cert", tls_key=tmp_path / "key")):
            pass


async def test_https_and_wss(tmp_path: Path, pages: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    day = datetime.timedelta(days=1)
    start = datetime.datetime.now(datetime.UTC) - day
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + 3 * day)
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    trust = ssl.create_default_context(cafile=str(tmp_path / "cert"))
    config = Config(port=0, pages=pages, tls_cert=tmp_path / "cert", tls_key=tmp_path / "key")
    async with run(config) as running, aiohttp.ClientSession() as http:
        assert running.url.startswith("https://")
        async with http.get(running.url, ssl=trust) as response:
            assert response.status == 200
        async with http.ws_connect(f"{running.url}/ws", ssl=trust) as socket:
            assert json.loads(await socket.receive_str())["type"] == "challenge"


async def test_other_routes_share_the_port(pages: Path) -> None:
    async def origin(request: web.Request) -> web.Response:
        return web.Response(text=request.path)

    config = Config(port=0, pages=pages)
    app = create_app(config)
    app.router.add_get("/live/{room}/{stream}/{rest:.*}", origin)
    async with run(config, app) as running, People(running.url) as people:
        assert (await get(people, "/live/demo/main/index.m3u8"))[1] == "/live/demo/main/index.m3u8"
        assert (await get(people, "/"))[0] == 200
        await people.join()


async def test_description_is_there_before_a_newcomer_has_a_socket(people: People) -> None:
    publisher = await people.join("publisher")
    watcher = await people.join()
    await publisher.announce()
    stream = await watcher.expect(Stream)
    async with people.http.get(people.url + "/live/demo/main/description") as response:
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert to_base64url(await response.read()) == stream.description
    assert (await get(people, "/live/demo/other/description"))[0] == 404
    assert (await get(people, "/live/nowhere/main/description"))[0] == 404
