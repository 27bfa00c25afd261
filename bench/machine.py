"""What the measurements were made on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from tests.chromium import find_chromium


def chromium() -> str:
    """Returns the path of the browser. Raises SystemExit with a sentence when there is none."""
    found = find_chromium()
    if found is None:
        raise SystemExit("Chromium is missing: install it, or name one in BRAIDCAST_CHROMIUM.")
    return found


def describe() -> dict[str, str]:
    """The machine and the versions that count, by name."""
    return {
        "cpu": _field("/proc/cpuinfo", "model name"),
        "cores": str(len(os.sched_getaffinity(0))),
        "ram": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.1f} GiB",
        "load": f"{os.getloadavg()[0]:.2f} when it began",
        "os": f"{_os()}, Linux {platform.release()}",
        "python": platform.python_version(),
        "aiortc": version("aiortc"),
        "chromium": _output([chromium(), "--version"]),
        "commit": _output(["git", "describe", "--always", "--dirty"]),
    }


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _os() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
