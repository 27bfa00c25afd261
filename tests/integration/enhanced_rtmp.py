"""An encoder with Enhanced RTMP, as a process of its own: ADDRESS CODEC OPTIONS (JSON). Two seconds of it.

The ffmpeg of Debian 12 has none yet; the library that we have does.
"""

import json
import sys

import av


def main(address: str, codec: str, options: dict[str, str]) -> None:
    """Send, by the real libavformat."""
    with av.open(address, "w", format="flv", options={"rtmp_enhanced_codecs": "hvc1,av01,vp09"}) as container:
        stream = container.add_stream(codec, rate=25, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(50):
            frame = av.VideoFrame(320, 180, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([number * 5]) * plane.buffer_size)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
