"""Large rooms: what the planner looks at does not grow with them, and what it plans is good."""

import math
import random

import pytest

from signaling.core.planner import Planner
from tests.unit.signaling.audience import ROOT, STRIPES, Audience

pytestmark = pytest.mark.crowd

MEASURED = 200
SIGMA = 0.8


def upload(chance: random.Random, mean: float, none: float = 0.2) -> float:
    """(child, stripe) pairs that a viewer can feed, log-normal, where some give nothing."""
    if chance.random() < none:
        return 0.0
    return chance.lognormvariate(math.log(mean / (1 - none)) - SIGMA**2 / 2, SIGMA)


def work(viewers: int, mean: float) -> dict[str, float]:
    """Nodes that the planner looks at for a join, a leave and a report in a room of that size."""
    chance = random.Random(5)
    planner = Planner(ROOT, STRIPES, chance)
    for number in range(viewers):
        planner.join(f"v{number}", True, int(upload(chance, mean)), now=float(number))
    touched: dict[str, float] = {}
    some = chance.sample(range(viewers), 2 * MEASURED)
    for what in ("join", "leave", "report"):
        planner.trees.touched = 0
        for number in range(MEASURED):
            if what == "join":
                planner.join(f"late{number}", True, int(upload(chance, mean)), now=1e6)
            elif what == "leave":
                planner.leave(f"v{some[number]}", 1e6)
            else:
                peer = f"v{some[MEASURED + number]}"
                planner.report(peer, planner.parents(peer), now=2e6)
        touched[what] = planner.trees.touched / MEASURED
    return touched


@pytest.mark.parametrize("mean", [8.0, 3.2])
def test_work_per_event_is_the_same_with_ten_times_the_viewers(mean: float) -> None:
    small, large = work(1_000, mean), work(10_000, mean)
    for what, touched in large.items():
        assert touched <= 1.5 * small[what] + 20, (what, small, large)
        assert touched <= 500, (what, large)


@pytest.mark.parametrize("seed", range(3))
def test_scarce_upload_is_used_to_nine_tenths_and_more(seed: int) -> None:
    chance = random.Random(seed)
    planner = Planner(ROOT, STRIPES, chance)
    uploads = [upload(chance, 0.8 * STRIPES) for _ in range(1_000)]
    for number, pairs in enumerate(uploads):
        planner.join(f"v{number}", True, int(pairs), now=float(number))
    root = planner.trees.root
    slots = sum(int(pairs) for pairs in uploads)
    fed = sum(parent is not None for node in planner.trees.nodes.values() for parent in node.parents)
    assert fed <= slots + root.used
    assert fed >= 0.97 * min(len(uploads) * STRIPES, slots + root.used)
    assert root.used <= 6 * STRIPES


def test_scarce_upload_that_has_to_be_measured_comes_near_the_fluid_bound() -> None:
    audience = Audience()
    for number in range(300):
        audience.join(upload(audience.chance, 0.8 * STRIPES))
        if number % 50 == 49:
            audience.round()
    for _ in range(45):
        audience.round()
    bound = sum(audience.uploads.values()) / (STRIPES * len(audience.uploads))
    assert audience.fed() >= 0.8 * bound


def test_ample_upload_feeds_everybody_from_two_heads_a_stripe() -> None:
    audience = Audience()
    for number in range(400):
        audience.join(upload(audience.chance, 2.0 * STRIPES))
        if number % 50 == 49:
            audience.round()
    for _ in range(40):
        audience.round()
    assert audience.planner.trees.root.used == 2 * STRIPES
    assert audience.fed() >= 0.95
    assert audience.depths()[-1] <= 5


def test_flash_crowd_feeds_itself_before_anything_is_confirmed() -> None:
    audience = Audience()
    for _ in range(1_000):
        audience.join(8.0)
    trees = audience.planner.trees
    unfed = sum(parent is None for node in trees.nodes.values() for parent in node.parents[:STRIPES])
    assert unfed == 0
    assert trees.root.used <= 3 * STRIPES
    assert audience.depths()[-1] <= 6


def deepest(planner: Planner, stripe: int) -> int:
    """The longest way from the publisher to anybody, counted along the edges."""
    depth, level = 0, list(planner.trees.root.children[stripe].values())
    while level:
        depth, level = depth + 1, [child for node in level for child in node.children[stripe].values()]
    return depth


@pytest.mark.parametrize("stripes", [2, 4])
@pytest.mark.parametrize("leaves", [0.0, 0.02, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(2))
def test_flash_crowd_that_nobody_has_reported_on_is_as_deep_as_a_logarithm(
    seed: int, leaves: float, stripes: int
) -> None:
    chance = random.Random(seed)
    planner = Planner(ROOT, stripes, chance)
    for number in range(1_000):
        planner.join(f"v{number}", chance.random() >= leaves, stripes, most=24 * stripes, now=number / 100)
        if number + 1 in (30, 100, 300, 1_000):
            bound = math.ceil(math.log(number + 1, stripes)) + 3
            assert max(deepest(planner, stripe) for stripe in range(stripes)) <= bound
