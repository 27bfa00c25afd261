"""How much the introducer takes from whom."""

from dataclasses import dataclass

MESSAGE_UNIT = 4_096
"""Bytes that count as one message against the rate."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on everything that comes from outside; times in seconds."""

    sockets: int = 20_000
    rooms: int = 1_000
    peers_per_room: int = 20_000
    streams_per_room: int = 16
    watches_per_peer: int = 32
    roster: int = 200
    """Entries in a welcome; above as many peers, only publishers and relays are announced to everybody."""
    rate: float = 50.0
    """Messages a second of one socket, each started 4 KiB being one."""
    burst: float = 400.0
    strikes: int = 100
    """Messages beyond the rate that are dropped before the socket is closed."""
    hello_timeout: float = 10.0
    heartbeat: float = 10.0
    silence: float = 90.0
    """Without a message for as long a socket is dropped; hidden pages' timers are held for a minute."""
    publisher_budget: float = 6.0
    """Times the stream that a publisher sends over links at most, to all peers together."""
    moderated_rooms: int = 100
    """Rooms whose measures are remembered, also while nobody is there."""
    grace: float = 20.0
    """For as long a dropped peer keeps its place, and a stream its name after its publisher has left."""


class TokenBucket:
    """Allows `rate` a second, and `burst` at once after a rest."""

    __slots__ = ("_burst", "_level", "_rate", "_time")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._time = now

    def take(self, amount: float, now: float) -> bool:
        """Whether that much is allowed now; if it is, it is used up."""
        self._level = min(self._burst, self._level + max(0.0, now - self._time) * self._rate)
        self._time = now
        if self._level < amount:
            return False
        self._level -= amount
        return True
