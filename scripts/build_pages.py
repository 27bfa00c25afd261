"""Puts the built web pages into the wheel: `pip install .` from a clone gives pages as well as commands.

Hatchling runs this when it builds a wheel. Pages that are newer than their sources are taken as they
are (`make pages` or a source archive brought them), so Node is needed only where they are missing.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("src", "public", "package-lock.json", "vite.config.ts")


def newest(paths: list[Path]) -> float:
    """Returns the newest modification time in seconds among `paths` and the files below them."""
    files = [
        file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()
    ]
    return max((file.stat().st_mtime for file in files), default=0.0)


class PagesBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # a developer's tree: `make pages` builds them where the server looks
            return
        root = Path(self.root)
        web = root / "web"
        built = root / "signaling" / "pages" / "braidcast.js"
        if built.is_file() and (
            not web.is_dir() or newest([web / name for name in SOURCES]) <= built.stat().st_mtime
        ):
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(
                "The web pages are not built yet: install Node.js 20.19 or later, then try again."
            )
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=web, check=True)
        subprocess.run([npm, "run", "build"], cwd=web, check=True)
