"""A bed needs root, some programs and a willing kernel; without, one sentence says what lacks."""

import pytest

from tests.network.requirements import lacking


@pytest.fixture(scope="session")
def bed_is_possible() -> None:
    sentence = lacking()
    if sentence is not None:
        pytest.skip(sentence)
