"""An origin behind nginx and behind Caddy, configured as docs/origin.md says: HTTP/2, TLS, and the cache."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.async_api import Browser

from peer.addresses import free_port
from tests.e2e.players import load_player, site
from tests.e2e.stage import HOST
from tests.hls_playlist import parse
from tests.hls_rules import blocked_in_vain, check_succession
from tests.programs import Program, Programs, programs

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(240)]
PAGE = (Path(__file__).parents[2] / "docs/origin.md").read_text()
LISTEN = "live/demo/main"


def documented(language: str) -> str:
    """The configuration that the page shows."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def certificate(folder: Path) -> tuple[Path, Path]:
    """Of this machine, for a day: a certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "live.example.org")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = (
        builder.not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "live.pem", folder / "live.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem, private


async def start_nginx(run: Programs, folder: Path, origin: str, port: int) -> Program:
    pem, key = certificate(folder)
    site = documented("nginx")
    for old, new in (
        ("/var/cache/nginx/braidcast", str(folder / "cache")),
        ("127.0.0.1:8001", origin),
        ("listen 443", f"listen {HOST}:{port}"),
        ("/etc/ssl/live.example.org.pem", str(pem)),
        ("/etc/ssl/live.example.org.key", str(key)),
    ):
        assert old in site
        site = site.replace(old, new)
    temporary = "\n".join(
        f"{kind}_temp_path {folder / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; user root; worker_processes 1; pid {folder / 'nginx.pid'}; error_log stderr warn;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\n{site} }}\n"
    )
    options = ("-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr")
    return await run.start("nginx", "nginx", *options)


async def start_caddy(run: Programs, folder: Path, origin: str, port: int) -> Program:
    pem, key = certificate(folder)
    site = documented("caddyfile").replace("127.0.0.1:8001", origin)
    site = site.replace("live.example.org {", f"https://{HOST}:{port} {{\n\ttls {pem} {key}")
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{site}")
    return await run.start("caddy", "caddy", "run", "--config", str(folder / "Caddyfile"))


@asynccontextmanager
async def fronted(kind: str, folder: Path) -> AsyncIterator[tuple[Program, Program, str, str]]:
    """A publisher and a proxy before it; gives both, the stream's address at the origin and at the proxy."""
    async with programs(folder) as run:
        server = await run.braidcast("signal", "--port", "0", "--json")
        port, origin = free_port(HOST), f"{HOST}:{free_port(HOST)}"
        address = (await server.event("listening"))["url"]
        front = f"https://{HOST}:{port}"
        publisher = await run.braidcast(
            "publish",
            "test:?size=320x180",
            "--http",
            origin,
            "--http-url",
            front,
            "--server",
            address,
            "--json",
        )
        assert (await publisher.event("joined"))["origins"] == [f"{front}/{LISTEN}"]
        await publisher.record(lambda record: record.get("parts", 0) >= 20)
        start = start_nginx if kind == "nginx" else start_caddy
        proxy = await start(run, folder, origin, port)
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection(HOST, port)
                    writer.close()
                    break
                except OSError:
                    assert proxy.process.returncode is None, proxy.tail()
                    await asyncio.sleep(0.05)
        yield publisher, proxy, f"http://{origin}/{LISTEN}", f"{front}/{LISTEN}"


def session() -> aiohttp.ClientSession:
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=unverified))


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
async def test_hls_js_plays_by_http_2_through_a_proxy(kind: str, browser: Browser, tmp_path: Path) -> None:
    async with fronted(kind, tmp_path) as (publisher, _, _, front), site() as base:
        context = await browser.new_context(ignore_https_errors=True)
        player = await load_player(context, base, "hls.js")
        await player.open(f"{front}/index.m3u8")
        await player.played(10)
        seen = await player.ask("seen")
        assert seen["errors"] == player.problems == []
        assert seen["parts"] > 20
        protocols = await player.ask(
            "[...new Set(performance.getEntriesByType('resource')"
            ".filter((entry) => entry.name.includes('/live/')).map((entry) => entry.nextHopProtocol))]"
        )
        assert protocols == ["h2"]
        await context.close()
        assert list(publisher.errors) == []


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
async def test_reloads_block_and_parts_and_ranges_come_through_a_proxy(kind: str, tmp_path: Path) -> None:
    async with fronted(kind, tmp_path) as (_, _, _, front), session() as client:
        texts: list[str] = []
        query, asked = "", (0, 0)
        for _ in range(12):
            async with client.get(f"{front}/180p/media.m3u8{query}") as response:
                assert response.status == 200
                assert response.headers["Access-Control-Allow-Origin"] == "*"
                texts.append(await response.text())
            last = parse(texts[-1]).segments[-1]
            number, part = (last.number + 1, 0) if last.uri else (last.number, len(last.parts))
            if query:
                assert blocked_in_vain(texts[-1], asked[0], asked[1]) == []
            asked = number, part
            query = f"?_HLS_msn={number}&_HLS_part={part}"
        assert check_succession(texts) == []
        hint = parse(texts[-1]).attributes("#EXT-X-PRELOAD-HINT")["URI"].strip('"')
        async with client.get(f"{front}/180p/{hint}") as response:
            assert response.status in (200, 404)
        segment = next(each.uri for each in parse(texts[-1]).segments if each.uri)
        async with client.get(f"{front}/180p/{segment}") as response:
            whole = await response.read()
            assert "immutable" in response.headers["Cache-Control"]
        async with client.get(f"{front}/180p/{segment}", headers={"Range": "bytes=10-19"}) as response:
            assert (response.status, await response.read()) == (206, whole[10:20])
        async with client.get(f"{front}/180p/media.m3u8?_HLS_msn=9999999999") as response:
            assert response.status == 400


async def test_many_viewers_behind_nginx_cost_the_origin_one(tmp_path: Path) -> None:
    async with fronted("nginx", tmp_path) as (_, _, origin, front), session() as client:
        metrics = f"{origin.partition('/live')[0]}/metrics"

        async def sent() -> float:
            async with client.get(metrics) as response:
                found = re.search(
                    r'braidcast_sent_bytes_total\{via="http"\} ([\d.e+]+)', await response.text()
                )
            assert found is not None
            return float(found[1])

        async def get(address: str) -> tuple[str, bytes]:
            async with client.get(address) as response:
                assert response.status == 200
                return response.headers["X-Cache-Status"], await response.read()

        _, text = await get(f"{front}/180p/media.m3u8")
        playlist = parse(text.decode())
        last = playlist.segments[-1]
        before = await sent()
        segment = next(each.uri for each in playlist.segments if each.uri)
        answers = await asyncio.gather(*(get(f"{front}/180p/{segment}") for _ in range(20)))
        assert await sent() - before == len(answers[0][1])
        assert [status for status, _ in answers].count("HIT") == 19
        before = await sent()
        address = f"{front}/180p/media.m3u8?_HLS_msn={last.number + 1}&_HLS_part=1"
        answers = await asyncio.gather(*(get(address) for _ in range(20)))
        assert len({body for _, body in answers}) == 1
        assert await sent() - before < 2 * len(answers[0][1])
        assert [status for status, _ in answers].count("HIT") == 19
