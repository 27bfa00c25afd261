"""Small real media files, made by ffmpeg for one test each."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Clip:
    """What a file is to hold; 0 seconds of a track leave it out."""

    video_seconds: float = 4.0
    audio_seconds: float = 4.0
    frame_rate: int | str = 25
    """Also a fraction, such as 30000/1001."""
    size: str = "320x180"
    gop: int = 25
    b_frames: int = 0
    pixels: str = "yuv420p"
    audio_codec: str = "aac"
    layout: str = "stereo"
    rate: int = 48_000

    def write(self, path: Path) -> Path:
        """Encode it."""
        inputs, outputs = [], []
        if self.video_seconds:
            inputs += ["-f", "lavfi", "-t", str(self.video_seconds)]
            inputs += ["-i", f"testsrc2=size={self.size}:rate={self.frame_rate}"]
            outputs += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", self.pixels]
            outputs += ["-g", str(self.gop), "-bf", str(self.b_frames), "-sc_threshold", "0"]
        if self.audio_seconds:
            inputs += ["-f", "lavfi", "-t", str(self.audio_seconds)]
            inputs += ["-i", f"sine=frequency=440:sample_rate={self.rate}"]
            outputs += ["-c:a", self.audio_codec, "-af", f"aformat=channel_layouts={self.layout}"]
        command = ["ffmpeg", "-v", "error", "-nostdin", *inputs, *outputs, str(path)]
        subprocess.run(command, check=True, timeout=60)
        return path
