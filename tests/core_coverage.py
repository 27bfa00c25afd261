"""Measures what the cores' own tests reach of them: `pytest -p tests.core_coverage`, for `make coverage`.

They share their run with all others, and some of them, marked `crowd`, play whole rooms. What those reach by
the way says little and would be slow to measure: only while one of the others runs, anything is. Nor is what
random examples reach, for those are others in other company. Each worker of pytest-xdist writes a file of its
own, which `coverage combine` joins.
"""

from collections.abc import Generator
from importlib import import_module
from pathlib import Path

import pytest
from coverage import Coverage

ROOT = Path(__file__).parent.parent
CORES = ("signaling/core", "peer/core")
UNIT = ROOT / "tests" / "unit"
OWN = (UNIT / "signaling", UNIT / "peer" / "core")

measured = Coverage()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Import the cores before anything else does: their definitions would count as not executed else."""
    measured.start()
    for file in sorted(file for core in CORES for file in (ROOT / core).rglob("*.py")):
        import_module(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    measured.stop()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    own = any(map(item.path.is_relative_to, OWN)) and item.get_closest_marker("crowd") is None
    if not own or getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        return (yield)
    measured.start()
    try:
        return (yield)
    finally:
        measured.stop()


def pytest_unconfigure() -> None:
    measured.save()
