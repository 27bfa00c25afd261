"""What a home's connection to the internet is like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

NatKind: TypeAlias = Literal[
    "none", "full cone", "address-restricted", "port-restricted", "symmetric", "udp blocked"
]
NAT_KINDS: tuple[NatKind, ...] = get_args(NatKind)


@dataclass(frozen=True, slots=True)
class Home:
    """A router and a machine behind it. Between two homes are the delays and losses of both."""

    nat: NatKind = "port-restricted"
    delay: float = 0.0
    """Seconds one way between its router and the middle of the internet."""
    jitter: float = 0.0
    """Seconds, at most, that are added by chance; packets stay in order, as they do on real lines."""
    loss: float = 0.0
    """Share of packets that is lost, each way, 0 to 1."""
    burst: float = 1.0
    """Mean number of packets that are lost in a row (Gilbert-Elliott); 1 is loss by pure chance."""
    up: float | None = None
    """Bit/s that the line takes; as fast as the machine unless given."""
    down: float | None = None
    queue: float = 0.1
    """Seconds of traffic that the line holds before it drops, where a rate is given."""

    @property
    def impaired(self) -> bool:
        """Whether its packets need more than forwarding."""
        return self.delay > 0 or self.jitter > 0 or self.loss > 0

    def loss_chances(self) -> tuple[float, float]:
        """(to begin losing packets, to stop losing them), looked at for each packet."""
        if self.loss <= 0:
            return 0.0, 1.0
        if self.loss >= 1:
            return 1.0, 0.0
        # A run of losses by pure chance has 1 / (1 - loss) packets in the mean: there it is never shorter.
        mean = max(self.burst, 1 / (1 - self.loss))
        return self.loss / (1 - self.loss) / mean, 1 / mean


def apart(round_trip: float, loss: float = 0.0) -> Home:
    """A home; two such have that round trip (s) between them and lose that share of packets each way."""
    return Home(delay=round_trip / 4, loss=1 - (1 - loss) ** 0.5)
