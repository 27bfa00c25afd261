"""Measures what the cores' own tests reach of them: `pytest -p tests.core_coverage`, for `make coverage`.

They share their run with all others, and some of them, marked `crowd`, play whole rooms. What those reach by
the way says little and would be slow to measure: while they run, nothing is. Nor is what random examples
reach, for those are others in other company. Each worker of pytest-xdist writes a file of its own, which
`coverage combine` joins.
"""

from collections.abc import Generator
from pathlib import Path

import pytest
from coverage import Coverage

UNIT = Path(__file__).parent / "unit"
OWN = (UNIT / "signaling", UNIT / "peer" / "core")

measured = Coverage()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Before anything imports a core, whose definitions would count as not executed else."""
    measured.start()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    own = any(map(item.path.is_relative_to, OWN)) and item.get_closest_marker("crowd") is None
    if own and not getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        return (yield)
    measured.stop()
    try:
        return (yield)
    finally:
        measured.start()


def pytest_unconfigure() -> None:
    measured.stop()
    measured.save()
