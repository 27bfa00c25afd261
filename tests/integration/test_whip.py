"""WHIP's HTTP: who is let in, what is refused, and how a session ends. The sender is another aiortc."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction

import aiohttp
import av
import pytest
import pytest_asyncio
from aiortc import (
    AudioStreamTrack,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
    VideoStreamTrack,
)

from peer.addresses import free_port
from peer.media import whip
from peer.media.pace import Stop
from peer.media.reception import Begun, Frame, Gone, Received, Reception
from peer.media.source import SourceError, WhipInput
from peer.media.whip import WhipListener

pytestmark = pytest.mark.asyncio

PATIENCE = 30.0
SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


def clock() -> int:
    return time.monotonic_ns() // 1000


class Heard(Reception):
    """What comes, kept."""

    def __init__(self) -> None:
        super().__init__(Stop())
        self.items: list[Received] = []

    def put(self, item: Received) -> None:
        self.items.append(item)

    def kinds(self) -> list[str]:
        """Of what came, without repetitions."""
        names = [type(item).__name__ for item in self.items]
        return [name for name, before in zip(names, ["", *names], strict=False) if name != before]

    async def until(self, *kinds: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.kinds() != list(kinds):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


class Canvas(VideoStreamTrack):
    """Pictures of one colour."""

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame(160, 90, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([100]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, Fraction(time_base)
        return frame


@dataclass
class Endpoint:
    """A listener, and what came to it."""

    url: str
    heard: Heard
    http: aiohttp.ClientSession
    senders: list[RTCPeerConnection] = field(default_factory=list)

    async def offer(self, codec: str = "video/VP8", *, sound: bool = False) -> str:
        """An offer of a new sender."""
        sender = RTCPeerConnection()
        self.senders.append(sender)
        pictures = sender.addTransceiver(Canvas(), direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        pictures.setCodecPreferences([known for known in codecs if known.mimeType == codec])
        if sound:
            sender.addTransceiver(AudioStreamTrack(), direction="sendonly")
        await sender.setLocalDescription(await sender.createOffer())
        return str(sender.localDescription.sdp)

    async def post(self, offer: str, **headers: str) -> tuple[int, str, dict[str, str]]:
        async with self.http.post(self.url, data=offer.encode(), headers=SDP | headers) as answer:
            text = await answer.text()
            if answer.status == 201:
                await self.senders[-1].setRemoteDescription(RTCSessionDescription(text, "answer"))
            return answer.status, text, dict(answer.headers)

    async def send(self, **headers: str) -> str:
        """A sender that is let in; returns its session's address."""
        status, _, answer = await self.post(await self.offer(), **headers)
        assert status == 201
        return self.url.rpartition("/")[0] + answer["Location"]

    async def ask(self, method: str, url: str, text: str = "", **headers: str) -> tuple[int, str]:
        async with self.http.request(method, url, data=text.encode(), headers=headers) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def listening(token: str = "") -> AsyncIterator[Endpoint]:
    source = WhipInput("127.0.0.1", free_port("127.0.0.1"), "stage", token)
    heard = Heard()
    async with WhipListener(source, heard, clock), aiohttp.ClientSession() as http:
        endpoint = Endpoint(f"http://127.0.0.1:{source.port}/stage", heard, http)
        try:
            yield endpoint
        finally:
            await asyncio.gather(*(sender.close() for sender in endpoint.senders))


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Endpoint]:
    async with listening() as endpoint:
        yield endpoint


async def test_a_sender_comes_and_leaves_by_delete(stage: Endpoint) -> None:
    session = await stage.send()
    await stage.heard.until("Begun", "Frame")
    assert stage.heard.items[0] == Begun(video=True, audio=False)
    assert await stage.ask("DELETE", session) == (200, "")
    await stage.heard.until("Begun", "Frame", "Gone")
    assert await stage.ask("DELETE", session) == (404, "There is no such session.\n")
    await stage.send()
    await stage.heard.until("Begun", "Frame", "Gone", "Begun", "Frame")


async def test_h264_and_sound_come_together(stage: Endpoint) -> None:
    assert (await stage.post(await stage.offer("video/H264", sound=True)))[0] == 201
    assert stage.heard.items[0] == Begun(video=True, audio=True)
    kinds: set[type] = set()
    async with asyncio.timeout(PATIENCE):
        while kinds != {av.VideoFrame, av.AudioFrame}:
            await asyncio.sleep(0.02)
            kinds = {type(item.frame) for item in stage.heard.items if isinstance(item, Frame)}


async def test_a_sender_that_vanishes_is_gone(stage: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whip, "_SILENCE_TIMEOUT", 0.5)
    await stage.send()
    await stage.heard.until("Begun", "Frame")
    for sender in stage.senders[0].getSenders():
        sender.replaceTrack(None)
    await stage.heard.until("Begun", "Frame", "Gone")


async def test_a_sender_that_never_connects_keeps_nobody_out(
    stage: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whip, "_ENTRY_TIMEOUT", 0.5)
    offer = await stage.offer()
    async with stage.http.post(stage.url, data=offer.encode(), headers=SDP) as answer:
        assert answer.status == 201
    await stage.heard.until("Begun", "Gone")
    await stage.send()
    await stage.heard.until("Begun", "Gone", "Begun", "Frame")


async def test_without_a_token_the_first_who_comes_stays(stage: Endpoint) -> None:
    await stage.send()
    status, text, _ = await stage.post(await stage.offer())
    assert (status, text) == (409, "Somebody else publishes here already.\n")


async def test_a_token_is_asked_for_and_takes_the_place_of_a_connection_that_hangs() -> None:
    async with listening("secret") as stage:
        for wrong in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic secret"}):
            status, text, headers = await stage.post(await stage.offer(), **wrong)
            assert (status, text) == (401, "The bearer token is not the right one.\n")
            assert headers["WWW-Authenticate"] == "Bearer"
        session = await stage.send(Authorization="Bearer secret")
        await stage.heard.until("Begun", "Frame")
        assert (await stage.ask("DELETE", session))[0] == 401
        await stage.send(Authorization="bearer secret")
        await stage.heard.until("Begun", "Frame", "Gone", "Begun", "Frame")


async def test_pages_of_other_sites_may_send(stage: Endpoint) -> None:
    for url in (stage.url, f"{stage.url}/any"):
        async with stage.http.options(url) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
            assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
            assert "Location" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    ("offer", "status"),
    [
        ("", 406),
        ("no offer", 406),
        ("v=0\r\nm=video 9 RTP x\r\n", 400),
        ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", 406),
        ("v=0\r\nm=video\r\n", 400),
    ],
)
async def test_what_is_no_offer_is_refused_and_takes_no_place(
    stage: Endpoint, offer: str, status: int
) -> None:
    assert (await stage.post(offer))[0] == status
    await stage.send()
    await stage.heard.until("Begun", "Frame")


async def test_an_offer_that_nothing_here_can_read_is_refused_in_a_sentence(stage: Endpoint) -> None:
    offer = (await stage.offer()).replace("VP8/90000", "AV9/90000")
    status, text, _ = await stage.post(offer)
    assert (status, text) == (406, "Nothing in the offer can be read here: send H.264 or VP8, and Opus.\n")


async def test_requests_that_make_no_sense_are_refused(stage: Endpoint) -> None:
    offer = await stage.offer()
    assert await stage.ask("POST", stage.url, offer) == (415, "An offer is application/sdp.\n")
    assert (await stage.ask("POST", stage.url, "a" * 100_000, **SDP))[0] == 413
    assert (await stage.ask("GET", stage.url))[0] == 405
    assert (await stage.ask("PATCH", f"{stage.url}/none", "", **FRAGMENT))[0] == 404
    assert (await stage.ask("POST", stage.url.replace("stage", "other"), offer, **SDP))[0] == 404
    session = await stage.send()
    assert (await stage.ask("PATCH", session, "", **SDP))[0] == 415
    assert (await stage.ask("PATCH", session, "", **FRAGMENT, **{"If-Match": '"other"'}))[0] == 412
    assert (await stage.ask("PATCH", session, "a=candidate:1", **FRAGMENT))[0] == 400
    assert (await stage.ask("PATCH", session, "a=mid:0\na=candidate:1 1", **FRAGMENT))[0] == 400
    restart = await stage.ask("PATCH", session, "a=ice-ufrag:other", **FRAGMENT)
    assert restart == (422, "ICE is not restarted here: delete the session and offer again.\n")
    assert (await stage.ask("PATCH", session, "a=end-of-candidates", **FRAGMENT))[0] == 204
    await stage.heard.until("Begun", "Frame")
    assert isinstance(stage.heard.items[-1], Frame)
    assert Gone() not in stage.heard.items


async def test_a_port_in_use_is_a_sentence(stage: Endpoint) -> None:
    port = int(stage.url.split(":")[2].split("/")[0])
    listener = WhipListener(WhipInput("127.0.0.1", port, "stage"), Heard(), clock)
    with pytest.raises(SourceError, match="choose another port"):
        await listener.__aenter__()
