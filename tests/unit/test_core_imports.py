"""Keeps `core/` free of I/O, clocks and unseeded chance: node, test and simulator run the very same code.

The rule holds for everything that a core module imports from this project, however deep.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CORES = ("signaling/core", "peer/core")

# Whatever reads a clock, a socket, a file or chance, or runs on its own.
STANDARD = """
    asyncio concurrent ctypes http importlib io logging multiprocessing os pathlib queue random sched secrets
    select selectors signal socket socketserver sqlite3 ssl subprocess sys tempfile threading time urllib uuid
"""
THIRD_PARTY = "aiohttp aioice aiortc av prometheus_client redis uvloop"
CALLS = """
    datetime.now datetime.utcnow datetime.today date.today datetime.datetime.now datetime.datetime.utcnow
    datetime.datetime.today datetime.date.today open print input breakpoint __import__ exec eval
"""
FORBIDDEN_STANDARD = set(STANDARD.split())
FORBIDDEN_MODULES = FORBIDDEN_STANDARD | set(THIRD_PARTY.split())
FORBIDDEN_CALLS = set(CALLS.split())


class Tree:
    """The modules of this project below `root`, found as Python finds them but never imported."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, module: str) -> Path | None:
        """Returns the file of `module`, or None when it is not this project's."""
        base = self.root.joinpath(*module.split("."))
        return next(
            (file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None
        )

    def imports(self, module: str, source: ast.AST) -> Iterator[tuple[str, int]]:
        """Yields each module that `module` imports, absolute, and the line where it does."""
        path = self.path(module)
        package = module if path is not None and path.name == "__init__.py" else module.rpartition(".")[0]
        for node in ast.walk(source):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, node.lineno
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    above = package.split(".")[: len(package.split(".")) - node.level + 1]
                    base = ".".join([*above, *([base] if base else [])])
                for alias in node.names:
                    submodule = f"{base}.{alias.name}"
                    yield (submodule if self.path(submodule) else base), node.lineno


def impurities(root: Path, module: str) -> list[str]:
    """Returns a sentence for each way in which `module`, or what it reaches of this project, breaks it."""
    tree = Tree(root)
    found: list[str] = []
    waiting = [(module, module)]
    seen: set[str] = set()
    while waiting:
        name, route = waiting.pop()
        path = tree.path(name)
        if path is None or name in seen:
            continue
        seen.add(name)
        source = ast.parse(path.read_text(), str(path))
        for target, line in tree.imports(name, source):
            if target.split(".")[0] in FORBIDDEN_MODULES:
                found.append(f"{route} imports {target} (line {line})")
            waiting.append((target, f"{route} -> {target}"))
        calls = [
            (ast.unparse(node.func), node.lineno) for node in ast.walk(source) if isinstance(node, ast.Call)
        ]
        found += [f"{route} calls {call} (line {line})" for call, line in calls if call in FORBIDDEN_CALLS]
    return found


def core_modules() -> list[str]:
    files = [file for core in CORES for file in (ROOT / core).rglob("*.py")]
    return sorted(
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files
    )


@pytest.mark.parametrize("module", core_modules())
def test_core_reaches_no_input_output_clock_or_chance(module: str) -> None:
    assert impurities(ROOT, module) == []


def test_both_cores_are_checked() -> None:
    for core in CORES:
        assert core.replace("/", ".") in core_modules()


def test_every_forbidden_module_of_the_standard_library_exists() -> None:
    assert sys.stdlib_module_names >= FORBIDDEN_STANDARD


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import time", "peer.core.bad imports time (line 1)"),
        ("import os.path as p", "peer.core.bad imports os.path (line 1)"),
        ("from asyncio import Queue", "peer.core.bad imports asyncio (line 1)"),
        ("def f():\n    import socket", "peer.core.bad imports socket (line 2)"),
        ("from peer.clocks import now", "peer.core.bad -> peer.clocks imports time (line 1)"),
        ("from peer import clocks", "peer.core.bad -> peer.clocks imports time (line 1)"),
        ("from .. import clocks", "peer.core.bad -> peer.clocks imports time (line 1)"),
        ("from ..clocks import now", "peer.core.bad -> peer.clocks imports time (line 1)"),
        ("from .through import x", "peer.core.bad -> peer.core.through -> peer.clocks imports time (line 1)"),
        ("from datetime import datetime\ndatetime.now()", "peer.core.bad calls datetime.now (line 2)"),
        (
            "import datetime\ndatetime.datetime.utcnow()",
            "peer.core.bad calls datetime.datetime.utcnow (line 2)",
        ),
        ("open('x')", "peer.core.bad calls open (line 1)"),
    ],
)
def test_a_core_that_breaks_the_rule_is_found(tmp_path: Path, source: str, expected: str) -> None:
    core = tmp_path / "peer" / "core"
    core.mkdir(parents=True)
    for package in (core, core.parent):
        (package / "__init__.py").touch()
    (core.parent / "clocks.py").write_text("from time import monotonic as now")
    (core / "through.py").write_text("from peer.clocks import now as x\nfrom peer.core import bad")
    (core / "bad.py").write_text(source)
    assert impurities(tmp_path, "peer.core.bad") == [expected]


def test_a_core_that_only_computes_passes(tmp_path: Path) -> None:
    core = tmp_path / "peer" / "core"
    core.mkdir(parents=True)
    (core / "good.py").write_text(
        "import hashlib\nfrom dataclasses import dataclass\n\ndef at(now): return now.now()\n"
    )
    assert impurities(tmp_path, "peer.core.good") == []
