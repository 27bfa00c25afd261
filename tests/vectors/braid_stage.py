"""Where the scenes play whose traces are recorded: a small room, one of whose members is recorded."""

from __future__ import annotations

from peer import wire
from peer.links.memory import Path
from tests.swarm import PATH, STRIPES, Member, Swarm
from tests.vectors.record_braid import Recorder

PART_SIZE = 160


def settled(
    seed: int,
    count: int,
    recorded: int,
    *,
    path: Path = PATH,
    origin: bool = True,
    carries: bool = True,
    verify_delay: float = 0.0,
) -> tuple[Swarm, list[Member], Recorder]:
    """A room of `count` viewers, one of whom is recorded; `carries` is that one's."""
    swarm = Swarm(seed, path, origin, PART_SIZE)
    swarm.run(1.0)
    members = []
    recorder = None
    for number in range(count):
        members.append(swarm.viewer(carries=carries or number != recorded))
        if number == recorded:
            recorder = Recorder(swarm, members[-1], verify_delay)
        swarm.run(0.3)
    assert recorder is not None
    return swarm, members, recorder


def tell(swarm: Swarm, target: Member, source: bytes, message: wire.Message) -> None:
    """`target` gets a message that `source` would not send by itself."""
    raw = wire.encode(message)
    target.core.received(source, message, raw, swarm.now)
    swarm.act(target)


def fares_well(swarm: Swarm, target: Member, source: bytes) -> None:
    """`source`, which the swarm does not know, says that all stripes reach it over `target`."""
    path = (swarm.publisher.id[:4], target.id[:4], source[:4])
    stripes = (wire.StripeStatus(True, False, path),) * STRIPES
    tell(
        swarm, target, source, wire.Status(swarm.braid, swarm.epoch, swarm.published, True, False, 0, stripes)
    )


def parent_of(swarm: Swarm, member: Member) -> Member:
    """A viewer that feeds `member`."""
    for peer in member.core.stripe_parents():
        if peer is not None and peer != swarm.publisher.id:
            return swarm.members[peer]
    raise AssertionError("no viewer feeds this member")
