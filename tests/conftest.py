"""What every test may use: the sample video, the built pages, the browser, and examples that repeat."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.chromium import find_chromium

ROOT = Path(__file__).parent.parent

# The same examples in every run: a change fails for what it changed. HYPOTHESIS_PROFILE=search looks further.
settings.register_profile("repeatable", max_examples=30, derandomize=True, deadline=None, database=None)
settings.register_profile("thorough", max_examples=200, derandomize=True, deadline=None, database=None)
settings.register_profile("search", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: at the end one worker would have them, the others nothing."""
    items.sort(key=lambda item: "simulator" not in item.path.parts)


@pytest.fixture(scope="session")
def sample_video() -> Path:
    """Returns the path of a real video: 1280x720 H.264 with one key frame in 5 s, six-channel AAC."""
    path = ROOT / ".cache" / "sample" / "bigbuckbunny.mp4"
    assert path.is_file(), "The sample video is missing: run `make sample`."
    return path


@pytest.fixture(scope="session")
def built_pages() -> Path:
    """Returns the folder of the built web pages."""
    path = ROOT / "signaling" / "pages"
    assert (path / "braidcast.js").is_file(), "The web pages are not built: run `make pages`."
    return path


@pytest.fixture(scope="session")
def chromium() -> str:
    """Returns the path of the system's Chromium, or of what BRAIDCAST_CHROMIUM names."""
    path = find_chromium()
    assert path, "Chromium is missing: install it, or name one in BRAIDCAST_CHROMIUM."
    return path
