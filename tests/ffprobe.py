"""What ffprobe finds in a playlist: a player that is not ours."""

from __future__ import annotations

from tests.programs import Programs


async def probed(run: Programs, playlist: str) -> set[str]:
    """Its tracks, as `h264,640,360` and `aac,2`."""
    entries = "stream=codec_name,width,height,channels"
    probe = await run.start(
        "ffprobe", "ffprobe", "-v", "error", "-show_entries", entries, "-of", "csv=p=0", playlist
    )
    assert await probe.ended() == 0
    return set(probe.output) - {""}
