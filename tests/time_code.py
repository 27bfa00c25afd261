"""A live picture with a time code that ffmpeg draws into it, with nothing of ours: the machine's clock.

The strip is laid out as that of `peer/media/pattern.py`. The clock is read when a picture leaves the
generator, so whatever encodes, sends and plays it is later. Once a second a corner flashes, while the sound
beeps.
"""

from __future__ import annotations

from dataclasses import dataclass

SYNC = 0b10110100


@dataclass(frozen=True, slots=True)
class Picture:
    """Size in pixels, pictures a second, and bit/s of the video."""

    width: int = 640
    height: int = 360
    rate: int = 30
    bitrate: int = 1_000_000

    @property
    def encoder(self) -> tuple[str, ...]:
        """x264 without delay: no B-frames, closed groups of a second, half a second of VBV; AAC."""
        rate, bitrate = str(self.rate), str(self.bitrate)
        return (
            *("-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "veryfast", "-tune", "zerolatency"),
            *("-g", rate, "-keyint_min", rate, "-sc_threshold", "0", "-bf", "0"),
            *("-b:v", bitrate, "-maxrate", bitrate, "-bufsize", str(self.bitrate // 2)),
            *("-c:a", "aac", "-b:a", "96k", "-ac", "2"),
        )

    @property
    def command(self) -> tuple[str, ...]:
        """ffmpeg, encoding in real time; what is missing are the outputs."""
        sound = "aevalsrc=0.3*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.1):s=48000"
        return (
            *("ffmpeg", "-v", "error", "-nostdin"),
            *("-re", "-f", "lavfi", "-i", f"testsrc2=size={self.width}x{self.height}:rate={self.rate}"),
            *("-re", "-f", "lavfi", "-i", sound),
            *("-filter_complex", self._filters(), "-map", "[v]", "-map", "1:a"),
            *self.encoder,
        )

    def _filters(self) -> str:
        height = self.height // 36 * 2
        # The clock goes through the timestamps, for a pixel's expression is computed at a moment of its own.
        return (
            "[0:v]settb=1/1000,setpts=floor(time(0)*1000),split[a][b];"
            f"[b]crop=48:2:0:0,format=gray,geq=lum='{_cells()}',"
            f"scale={self.width}:{height}:flags=neighbor,format=yuv420p[strip];"
            f"[a][strip]overlay=0:H-{height}:format=yuv420,settb=1/{self.rate},setpts=N,"
            f"drawbox=c=white:t=fill:w=iw/4:h=ih/4:enable='eq(mod(n,{self.rate}),0)'[v]"
        )


def _cells() -> str:
    """Luma of the strip, one pixel a cell: eight to find it, 32 of milliseconds, eight to check them."""
    milliseconds = "mod(floor(T*1000+0.5),4294967296)"

    def bit(number: str) -> str:
        return f"mod(floor({milliseconds}/pow(2,{number})),2)"

    check = "+".join(bit(f"{top}-X") for top in (47, 55, 63, 71))
    return f"255*if(lt(X,8),mod(floor({SYNC}/pow(2,7-X)),2),if(lt(X,40),{bit('39-X')},mod({check},2)))"


VIDEO = Picture()
LARGE = Picture(1280, 720, 30, 2_000_000)
