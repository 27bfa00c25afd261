"""Seeds of whole rooms: the same scene in other company."""

from __future__ import annotations

import pytest


def seeds(count: int) -> pytest.MarkDecorator:
    """Gives a test its `seed`: the first in `make test`, all of them in `make test-all`."""
    others = (pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, count))
    return pytest.mark.parametrize("seed", [0, *others])
