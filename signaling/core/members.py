"""A peer as its room sees it."""

from dataclasses import dataclass, field

from signaling.protocol import Introduction, Role, RosterEntry, to_base64url


@dataclass(slots=True, eq=False)
class Member:
    """Somebody who proved to have `key`. `socket` is None while it is away for a moment."""

    id: str
    key: bytes
    nonce: str
    name: str
    role: Role
    session: str
    socket: int | None
    joined_at: float
    prefix: str | None = None
    """Of its address; None where that says nothing of its network."""
    links: bool = True
    """Whether it can be linked to."""
    returned: bool = False
    """Whether it came with a session that is not known any more: it may be in the mesh already."""
    dropped_at: float = 0.0
    asked_at: float = float("-inf")
    """When it last asked for neighbours."""
    watches: set[tuple[str, str]] = field(default_factory=set)
    reports: dict[str, tuple[str | None, ...]] = field(default_factory=dict)
    """The parents that it last reported, by braid id; as many braids as it may watch."""
    sent: int = 0
    received: int = 0

    def introduction(self) -> Introduction:
        """What others need to open a link."""
        return Introduction(self.id, to_base64url(self.key), self.nonce, self.name, self.role)

    def entry(self) -> RosterEntry:
        """How it stands in the roster."""
        return RosterEntry(self.id, self.name, self.role)
