"""Runs pytest with the arguments given, then fails if a process that the tests started is still alive.

Every descendant inherits a mark in its environment, so browsers and commands are found even when
their parent is gone, and the processes of others are never touched.
"""

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

MARK = "BRAIDCAST_TEST_RUN"
GRACE = 5.0  # seconds that a browser's last processes may take to go


def marked(mark: str) -> dict[int, str]:
    """Returns the command lines of processes that carry `mark`, by process id; none without /proc."""
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if command:  # a zombie has none: it runs no longer and waits for its parent
                    found[int(folder.name)] = command.strip()[:200]
        except OSError:
            continue  # it ended while we looked, or belongs to somebody else
    return found


def left_over(mark: str, grace: float) -> dict[int, str]:
    """Waits up to `grace` seconds for the marked processes to end and returns those that did not."""
    deadline = time.monotonic() + grace
    while (alive := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return alive


def main(arguments: list[str]) -> int:
    run = uuid.uuid4().hex
    code = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments], env=os.environ | {MARK: run}
    ).returncode
    alive = left_over(f"{MARK}={run}", GRACE)
    for process, command in alive.items():
        print(f"The tests left process {process} behind: {command}", file=sys.stderr)
        try:
            os.kill(process, 9)
        except ProcessLookupError:
            continue
    return code or bool(alive)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
