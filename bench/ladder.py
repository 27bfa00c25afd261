"""What each rendition of a ladder costs its publisher: `braidcast publish` of one film, without viewers."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.usage import process_seconds
from peer.addresses import free_port
from tests.programs import Programs

SECONDS = 20.0
SIZE, RATE = "1280x720", 2_500_000
LADDERS = (
    None,
    "720p:2500k",
    "720p:2500k,360p:700k",
    "720p:2500k,480p:1200k,360p:700k",
    "720p:2500k,480p:1200k,360p:700k,240p:400k",
)
HOST = "127.0.0.1"


def film(path: Path, b_frames: int) -> Path:
    """Twenty seconds at 30 pictures a second, which without B-frames pass as they come."""
    command = [
        "ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", f"testsrc2=size={SIZE}:rate=30",
        "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "20", "-c:v", "libx264",
        "-preset", "veryfast", "-b:v", str(RATE), "-maxrate", str(RATE), "-bufsize", str(RATE), "-g", "30",
        "-bf", str(b_frames), "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2", str(path),
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=300)
    return path


async def measure(seconds: float = SECONDS) -> list[dict[str, Any]]:
    """CPU of the publisher, in cores, by source and ladder."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for passes, b_frames in ((True, 0), (False, 2)):
            source = await asyncio.to_thread(film, Path(folder) / f"{b_frames}.mp4", b_frames)
            for ladder in LADDERS[0 if passes else 1 :]:
                run = Programs(Path(folder))
                try:
                    found.append({"passes": passes, **await _row(run, source, ladder, seconds)})
                finally:
                    await run.close()
    return found


async def _row(run: Programs, source: Path, ladder: str | None, seconds: float) -> dict[str, Any]:
    signaling = await run.braidcast("signal", "--port", "0", "--json")
    server = (await signaling.event("listening"))["url"]
    http = f"{HOST}:{free_port(HOST)}"
    options = () if ladder is None else ("--ladder", ladder)
    publisher = await run.braidcast(
        "publish", str(source), *options, "--http", http, "--server", server, "--json"
    )
    live = await publisher.record(lambda record: record.get("state") == "live")
    await publisher.record(lambda record: record.get("parts", 0) > 20)
    began, spent = time.monotonic(), process_seconds(publisher.pid)
    before = publisher.latest()
    await asyncio.sleep(seconds)
    spent, elapsed = process_seconds(publisher.pid) - spent, time.monotonic() - began
    after = publisher.latest()
    return {
        "renditions": live["renditions"],
        "cpu": spent / elapsed,
        "bit_rate": 8 * (after["media_bytes"] - before["media_bytes"]) / elapsed,
    }
