"""Which links this peer has and wants: a state machine without I/O.

The shell tells what happened (`introduced`, `want`, `offer_received`, `link_opened`, …), then executes what
`poll_actions` returns. A link is made, watched and closed here; what travels on it is for other cores.

An attempt is `OFFERED` (our offer is out) or `ACCEPTED` (theirs was answered) until both data channels are
open and HELLO was exchanged; then it is `OPEN`. Between attempts a wanted peer is `WAITING`, and after too
many of them `UNREACHABLE`.
"""

from __future__ import annotations

from collections.abc import Callable

from peer.core.known_peers import KnownPeer, KnownPeers, SeenConnections, State
from peer.core.link_actions import (
    BAD_BLOCK,
    EXPELLED,
    GLARE,
    LEAVING,
    NOT_NEEDED,
    ONESELF,
    PROTOCOL_ERROR,
    REPLACED,
    REPLAYED,
    SILENT,
    STALE,
    TIMED_OUT,
    TOO_MANY,
    Accept,
    Action,
    Close,
    Closed,
    Connect,
    Introduction,
    Loud,
    Opened,
    Quiet,
    Refuse,
    SendPing,
    Unreachable,
)

RECEIVE_ONLY_LINKS = 12
CARRYING_LINKS = 32

SETUP_TIMEOUT = 8.0
ATTEMPTS = 3
RETRY_DELAY = 0.5  # s before the second attempt; doubled for each further one, times 0.5 to 1.5
UNREACHABLE_FOR = 30.0
EXPELLED_FOR = 600.0
FULL_RETRY = 1.0
PING_MIN = 0.5
PING_SPREAD = 0.5
QUIET_AFTER = 1.5
DEAD_AFTER = 3.0
IDLE_AFTER = 10.0
STEADY_AFTER = 10.0  # a link that lived this long was a success: its loss is not one more failed attempt
RESUME_SPREAD = 1.0  # attempts are spread over this when signaling is back, so that a room does not stampede

_GAVE_UP = frozenset({LEAVING, BAD_BLOCK, PROTOCOL_ERROR, TOO_MANY})


class LinkSet:
    """The links of one peer, at most one for each other peer and at most `limit` together.

    `chance` returns a number in [0, 1); the shell passes one that cannot be guessed, tests a fixed sequence.
    """

    def __init__(self, own: bytes, limit: int, chance: Callable[[], float]) -> None:
        self.own = own
        self.limit = limit
        self._chance = chance
        self._peers = KnownPeers(own)
        self._seen = SeenConnections()
        self._up = False
        self._actions: list[Action] = []
        self._timer: float | None = None
        self._moved = True

    # What the shell may ask.

    def poll_actions(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions

    def next_timer(self) -> float | None:
        """When `handle_timer` is due; it may be a little early, never late."""
        if self._moved:
            timers = [at for peer in self._peers if (at := self._due(peer)) is not None]
            self._timer = min(timers, default=None)
            self._moved = False
        return self._timer

    def introduction(self, peer: bytes) -> Introduction | None:
        known = self._peers.get(peer)
        return known.introduction if known else None

    def connection(self, peer: bytes) -> bytes | None:
        """The id of the connection to `peer` that is open or being made."""
        known = self._peers.get(peer)
        return known.connection if known and known.holds_place else None

    def state(self, peer: bytes) -> State:
        known = self._peers.get(peer)
        return known.state if known else State.ABSENT

    @property
    def open_peers(self) -> list[bytes]:
        return [peer.id for peer in self._peers if peer.state is State.OPEN]

    @property
    def places_taken(self) -> int:
        return self._peers.places_taken()

    # Events.

    def introduced(self, peer: bytes, key: bytes, nonce: bytes, name: str, role: str, now: float) -> None:
        """The introducer or a verified offer told key and nonce; an empty name or role keeps the old one."""
        known = self._peers.know(peer)
        if known is None:
            return
        old = known.introduction
        known.introduction = Introduction(
            key, nonce, name or (old.name if old else ""), role or (old.role if old else "")
        )
        if old is not None and old.nonce == nonce:
            return
        # A new nonce is a new session of that peer: what failed before says nothing about it.
        if known.state is State.OFFERED and not known.answered:
            self._close(known, REPLACED)
        if known.state in (State.ABSENT, State.WAITING, State.UNREACHABLE) and not known.expelled:
            known.state = State.ABSENT
            known.attempts = 0
            self._begin(known, now)

    def want(self, peer: bytes, purpose: str, now: float) -> None:
        known = self._peers.know(peer)
        if known is None:
            if peer != self.own:
                self._actions.append(Unreachable(peer))
            return
        if purpose in known.purposes:
            return
        known.purposes.add(purpose)
        if known.state is State.UNREACHABLE:
            self._actions.append(Unreachable(peer))
        elif known.state is State.ABSENT:
            self._begin(known, now)
        self._moved = True

    def unwant(self, peer: bytes, purpose: str, now: float) -> None:
        known = self._peers.get(peer)
        if known is None or purpose not in known.purposes:
            return
        known.purposes.discard(purpose)
        self._moved = True
        if known.purposes:
            return
        if known.state is State.WAITING:
            known.state = State.ABSENT
        elif known.state is State.OFFERED:
            self._close(known, NOT_NEEDED)
        elif known.state is State.OPEN:
            known.used_at = now

    def offer_received(self, peer: bytes, connection: bytes, now: float) -> None:
        """An offer came whose signature the shell has verified."""
        known = self._peers.know(peer)
        reason = self._objection(peer, known, connection)
        self._seen.add(connection)
        if known is None or reason is not None:
            self._actions.append(Refuse(peer, connection, reason or TOO_MANY))
            return
        if known.holds_place:
            # An offer after its sender's answer, or over an open link, says that the sender began anew.
            self._close(known, REPLACED if known.state is not State.OFFERED else GLARE)
        elif not self._make_room(now, None):
            self._actions.append(Refuse(peer, connection, TOO_MANY))
            return
        known.state = State.ACCEPTED
        known.connection = connection
        known.outgoing = False
        known.answered = False
        known.due = now + SETUP_TIMEOUT
        self._moved = True
        self._actions.append(Accept(peer, connection))

    def answer_received(self, peer: bytes, connection: bytes, now: float) -> None:
        """A verified answer came; the shell hands it to the connection."""
        known = self._peers.holding(peer, connection)
        if known is not None and known.state is State.OFFERED:
            known.answered = True

    def refused(self, peer: bytes, connection: bytes, now: float) -> None:
        """The other side says that it does not take our offer."""
        known = self._peers.holding(peer, connection)
        if known is not None and known.state is State.OFFERED:
            self._give_up(known, now, UNREACHABLE_FOR)

    def link_opened(self, peer: bytes, connection: bytes, now: float) -> None:
        """Both channels are open and both HELLOs are exchanged."""
        known = self._peers.holding(peer, connection)
        if known is None:
            self._actions.append(Close(peer, connection, STALE))
            return
        if known.state is State.OPEN:
            return
        known.state = State.OPEN
        known.opened_at = known.heard_at = known.used_at = now
        known.quiet = False
        self._actions.append(Opened(peer))
        self._ping(known, now)

    def link_closed(self, peer: bytes, connection: bytes, reason: str, now: float) -> None:
        """The connection ended; one that was not open yet failed."""
        known = self._peers.holding(peer, connection)
        if known is not None:
            self._lost(known, reason, now)

    def link_failed(self, peer: bytes, connection: bytes, reason: str, now: float) -> None:
        """The connection could not be made."""
        self.link_closed(peer, connection, reason, now)

    def heard(self, peer: bytes, now: float) -> None:
        """Any message came from `peer`."""
        known = self._peers.get(peer)
        if known is None or known.state is not State.OPEN:
            return
        known.heard_at = now
        if known.quiet:
            known.quiet = False
            self._actions.append(Loud(peer))

    def used(self, peer: bytes, now: float) -> None:
        """Something that matters went over the link: anything but HELLO, PING, PONG and STATUS."""
        known = self._peers.get(peer)
        if known is not None:
            known.used_at = now

    def signaling_up(self, up: bool, now: float) -> None:
        """The introducer can be reached, or no longer; links stay as they are."""
        if up == self._up:
            return
        self._up = up
        self._moved = True
        if up:
            for peer in self._peers:
                if peer.state is State.WAITING:
                    peer.due = max(peer.due, now + RESUME_SPREAD * self._chance())

    def departed(self, peer: bytes, now: float) -> None:
        """The introducer says that `peer` left. An open link stays: whether it lives is seen on it."""
        known = self._peers.get(peer)
        if known is None:
            return
        known.introduction = None
        if known.state is State.OFFERED and not known.answered:
            self._close(known, LEAVING)
            self._give_up(known, now, UNREACHABLE_FOR)
        elif known.state is State.WAITING:
            self._give_up(known, now, UNREACHABLE_FOR)

    def expel(self, peer: bytes, reason: str, now: float) -> None:
        """`peer` misbehaved: close its link and take none from it for ten minutes."""
        known = self._peers.know(peer)
        if known is None:
            return
        if known.holds_place:
            self._close(known, reason)
        self._give_up(known, now, EXPELLED_FOR)
        known.expelled = True

    def set_limit(self, limit: int, now: float) -> None:
        """A smaller limit closes nothing; it admits nothing new."""
        self.limit = limit
        self._moved = True

    def leave(self, now: float) -> None:
        """Close every link; nothing is wanted any more."""
        for known in self._peers:
            known.purposes.clear()
            if known.holds_place:
                self._close(known, LEAVING)
            known.state = State.ABSENT
        self._moved = True

    def handle_timer(self, now: float) -> None:
        expected = self.next_timer()
        if expected is None or now < expected:
            return
        if now - expected >= QUIET_AFTER:
            # We slept ourselves (a suspended machine, a frozen page): that silence was not the others'.
            for known in self._peers:
                known.heard_at = max(known.heard_at, now)
        for known in list(self._peers):
            self._tick(known, now)
        self._moved = True

    # Inside.

    def _objection(self, peer: bytes, known: KnownPeer | None, connection: bytes) -> str | None:
        if peer == self.own:
            return ONESELF
        if connection in self._seen:
            return REPLAYED
        if known is not None and known.expelled:
            return EXPELLED
        if known is not None and known.state is State.OFFERED and not known.answered and self.own < peer:
            return GLARE
        return None

    def _tick(self, known: KnownPeer, now: float) -> None:
        if known.state is State.OPEN:
            self._watch(known, now)
        elif known.state in (State.OFFERED, State.ACCEPTED):
            if now >= known.due:
                self._actions.append(Close(known.id, known.connection, TIMED_OUT))
                self._lost(known, TIMED_OUT, now)
        elif known.state is State.WAITING:
            if now >= known.due:
                self._connect(known, now)
        elif known.state is State.UNREACHABLE and now >= known.due:
            known.state = State.ABSENT
            known.expelled = False
            known.attempts = 0
            self._begin(known, now)

    def _watch(self, known: KnownPeer, now: float) -> None:
        silence = now - known.heard_at
        if silence >= DEAD_AFTER:
            self._actions.append(Close(known.id, known.connection, SILENT))
            self._lost(known, SILENT, now)
            return
        if known.outgoing and not known.purposes and now >= known.used_at + IDLE_AFTER:
            self._close(known, NOT_NEEDED)
            return
        if silence >= QUIET_AFTER and not known.quiet:
            known.quiet = True
            self._actions.append(Quiet(known.id))
        if now >= known.ping_at:
            self._ping(known, now)

    def _due(self, known: KnownPeer) -> float | None:
        if known.state is State.OPEN:
            at = min(known.ping_at, known.heard_at + (DEAD_AFTER if known.quiet else QUIET_AFTER))
            if known.outgoing and not known.purposes:
                at = min(at, known.used_at + IDLE_AFTER)
            return at
        if known.state is State.ABSENT or (known.state is State.WAITING and not self._up):
            return None
        return known.due

    def _begin(self, known: KnownPeer, now: float) -> None:
        self._moved = True
        if known.purposes:
            known.state = State.WAITING
            known.due = now
            self._connect(known, now)

    def _connect(self, known: KnownPeer, now: float) -> None:
        if known.introduction is None:
            self._give_up(known, now, UNREACHABLE_FOR)
        elif not self._up:
            return
        elif not self._make_room(now, known):
            known.due = now + FULL_RETRY
        else:
            known.state = State.OFFERED
            known.connection = self._new_connection()
            known.outgoing = True
            known.answered = False
            known.due = now + SETUP_TIMEOUT
            self._actions.append(Connect(known.id, known.connection))
        self._moved = True

    def _make_room(self, now: float, wanted: KnownPeer | None) -> bool:
        if self.places_taken < self.limit:
            return True
        feeds = wanted is not None and wanted.feeds
        idle = [
            peer
            for peer in self._peers
            if peer.state is State.OPEN
            and now - peer.used_at >= IDLE_AFTER
            and (not peer.purposes or (feeds and not peer.feeds))
        ]
        if not idle or self.places_taken > self.limit:
            return False
        victim = min(idle, key=lambda peer: (bool(peer.purposes), peer.used_at))
        self._close(victim, TOO_MANY)
        if victim.purposes:
            victim.state = State.WAITING
            victim.due = now + UNREACHABLE_FOR
        return True

    def _lost(self, known: KnownPeer, reason: str, now: float) -> None:
        self._moved = True
        was_open = known.state is State.OPEN
        known.state = State.ABSENT
        if was_open:
            self._actions.append(Closed(known.id, reason))
            if now - known.opened_at >= STEADY_AFTER:
                known.attempts = 0
        if reason == LEAVING:
            known.introduction = None
        if reason in _GAVE_UP:
            self._give_up(known, now, UNREACHABLE_FOR)
        elif known.purposes and self._up:
            known.attempts += 1
            if known.attempts >= ATTEMPTS:
                self._give_up(known, now, UNREACHABLE_FOR)
            else:
                known.state = State.WAITING
                known.due = now + RETRY_DELAY * 2 ** (known.attempts - 1) * (0.5 + self._chance())
        elif known.purposes:
            known.state = State.WAITING
            known.due = now

    def _give_up(self, known: KnownPeer, now: float, seconds: float) -> None:
        known.state = State.UNREACHABLE
        known.due = now + seconds
        self._moved = True
        if known.purposes:
            self._actions.append(Unreachable(known.id))

    def _close(self, known: KnownPeer, reason: str) -> None:
        self._actions.append(Close(known.id, known.connection, reason))
        if known.state is State.OPEN:
            self._actions.append(Closed(known.id, reason))
        known.state = State.ABSENT
        self._moved = True

    def _ping(self, known: KnownPeer, now: float) -> None:
        known.ping_at = now + PING_MIN + PING_SPREAD * self._chance()
        self._moved = True
        self._actions.append(SendPing(known.id))

    def _new_connection(self) -> bytes:
        high, low = int(self._chance() * 2**32), int(self._chance() * 2**32)
        connection = high.to_bytes(4, "big") + low.to_bytes(4, "big")
        self._seen.add(connection)  # nobody may offer us our own id back
        return connection
