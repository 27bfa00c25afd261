"""What one braid has done, counted in application bytes (blocks with seals and proofs) and events."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Monotonic counters of one rendition at one peer."""

    from_viewers: int = 0
    from_relays: int = 0
    from_publisher: int = 0
    from_http: int = 0
    to_peers: int = 0
    blocks_rejected: int = 0
    duplicates: int = 0
    late: int = 0
    fail_overs: int = 0
    rebuilt: int = 0
    wants_sent: int = 0
    wants_served: int = 0
    fetches: int = 0
    parts_delivered: int = 0
    parts_skipped: int = 0
    equivocations: int = 0
    slow_children: int = 0
    refused_children: int = 0
    floods: int = 0

    def received(self, role: str, size: int) -> None:
        """Count `size` bytes that came over a link from a peer of that role."""
        if role == "publisher":
            self.from_publisher += size
        elif role == "relay":
            self.from_relays += size
        else:
            self.from_viewers += size
