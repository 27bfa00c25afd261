"""Chromium's Media Source Extensions play init segments and parts, across loops and new encoders."""

import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from peer.media.assembly import Item
from peer.media.ingest import media_parts
from peer.media.parts import AudioCodec, EncodeOptions, InitSegment, MediaOptions
from tests.integration.test_media_recording import record
from tests.integration.test_media_rtmp import FITTING, clock, free_address, take, transmit

pytestmark = pytest.mark.asyncio

PLAY = """
async (items) => {
  const video = document.createElement("video");
  video.muted = true;
  document.body.append(video);
  const sizes = new Set();
  video.addEventListener("resize", () => sizes.add(`${video.videoWidth}x${video.videoHeight}`));
  const source = new MediaSource();
  video.src = URL.createObjectURL(source);
  await new Promise((resolve) => source.addEventListener("sourceopen", resolve, { once: true }));
  let buffer = null;
  for (const { type, data } of items) {
    if (type && buffer === null) buffer = source.addSourceBuffer(type);
    else if (type) buffer.changeType(type);
    await new Promise((resolve, reject) => {
      buffer.addEventListener("updateend", resolve, { once: true });
      buffer.addEventListener("error", () => reject(new Error("append failed")), { once: true });
      buffer.appendBuffer(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)));
    });
  }
  const ranges = [...Array(buffer.buffered.length).keys()].map(
    (index) => [buffer.buffered.start(index), buffer.buffered.end(index)],
  );
  source.endOfStream();
  video.playbackRate = 4;
  const ended = new Promise((resolve) => video.addEventListener("ended", resolve, { once: true }));
  const failed = new Promise((resolve) => video.addEventListener("error", resolve, { once: true }));
  await video.play();
  const patience = new Promise((resolve) => setTimeout(resolve, 30_000));
  await Promise.race([ended, failed, patience]);
  const { totalVideoFrames } = video.getVideoPlaybackQuality();
  return {
    ranges,
    frames: totalVideoFrames,
    time: video.currentTime,
    error: video.error?.message ?? null,
    sizes: [...sizes],
  };
}
"""


@pytest_asyncio.fixture
async def page(chromium: str) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield await browser.new_page()
        await browser.close()


async def play(page: Page, items: list[Item]) -> dict[str, Any]:
    """Append everything to one source buffer, and play it to its end at four times its speed."""
    appended = [
        {
            "type": f'video/mp4; codecs="{item.codecs}"' if isinstance(item, InitSegment) else "",
            "data": base64.b64encode(item.data).decode(),
        }
        for item in items
    ]
    seen: dict[str, Any] = await page.evaluate(PLAY, appended)
    return seen


@pytest.mark.parametrize("codec", ["opus", "aac"])
async def test_encoded_loops_play_without_a_hole(page: Page, sample_video: Path, codec: AudioCodec) -> None:
    options = MediaOptions(encode=EncodeOptions(preset="ultrafast", audio_codec=codec))
    (played,) = record(sample_video, 12.0, options)
    seen = await play(page, [played.init, *played.parts])
    assert seen["error"] is None
    ((begin, end),) = seen["ranges"]
    assert begin < 0.1
    assert abs(end - 12.0) < 0.2
    assert abs(seen["time"] - end) < 0.1
    assert seen["sizes"] == ["640x360"]
    assert seen["frames"] > 100


async def test_passed_through_and_then_encoded_video_plays_in_one_buffer(
    page: Page, sample_video: Path
) -> None:
    """A client that fits, then one that does not: another size, Opus for AAC, at a discontinuity."""
    address = free_address()
    options = MediaOptions(encode=EncodeOptions(preset="ultrafast"))
    async with aclosing(media_parts(address, options, clock)) as items:
        async with transmit(sample_video, address, FITTING):
            taken = await take(items, 12)
        async with transmit(sample_video, address, ["-c", "copy"]):
            while sum(isinstance(item, InitSegment) for item in taken) < 2:
                taken += await take(items, 1)
            taken += await take(items, 10)
    seen = await play(page, taken)
    assert seen["error"] is None
    assert len(seen["ranges"]) == 1
    assert abs(seen["time"] - seen["ranges"][0][1]) < 0.1
    assert seen["sizes"] == ["1280x720", "640x360"]
