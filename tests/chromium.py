"""The browser that tests and measurements use, as an ordinary user has it."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
SCRIPT = str(Path(__file__).with_name("chromium.sh"))


@cache
def find_chromium() -> str | None:
    """The path of what BRAIDCAST_CHROMIUM names, or of the system's Chromium; None where there is none.

    For root it is that of a script which starts it without the right to take the processor from others:
    Chromium gives its threads a niceness of -8 where it may, which its users' systems do not let it. Whoever
    publishes on the same machine, in place of one of its own, would get nothing.
    """
    path = os.environ.get("BRAIDCAST_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None or os.geteuid() != 0 or not _works():
        return path
    os.environ["REAL_CHROMIUM"] = path  # commands of a test are given none of our own variables
    return SCRIPT


def _works() -> bool:
    """Whether the script can start anything here: it needs setpriv, and a right that some containers lack."""
    environment = os.environ | {"REAL_CHROMIUM": "true"}
    return subprocess.run([SCRIPT], env=environment, stderr=subprocess.DEVNULL).returncode == 0
