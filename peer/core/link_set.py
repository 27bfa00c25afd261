"""Which links this peer has and wants: a state machine without I/O.

The shell tells what happened (`introduced`, `want`, `offer_received`, `link_opened`, …), then executes what
`poll_actions` returns. A link is made, watched and closed here; what travels on it is for other cores.

An attempt is `OFFERED` (our offer is out) or `ACCEPTED` (theirs was answered) until both data channels are
open and HELLO was exchanged; then it is `OPEN`. Between attempts a wanted peer is `WAITING`, and after too
many of them `UNREACHABLE`. An offer goes by the introducer, or, while that is away and each second time that
it led nowhere, by neighbours.
"""

from __future__ import annotations

from collections.abc import Callable

from peer.core import link_actions as act
from peer.core import link_liveness as liveness
from peer.core.known_peers import KnownPeer, KnownPeers, SeenConnections, State, retry_delay
from peer.core.link_offers import objection
from peer.core.link_places import gives_way

RECEIVE_ONLY_LINKS = 12
CARRYING_LINKS = 32

SETUP_TIMEOUT = 8.0
ATTEMPTS = 3
UNREACHABLE_FOR = 30.0
EXPELLED_FOR = 600.0
FULL_RETRY = 1.0
STEADY_AFTER = 10.0  # a link that lived this long was a success: its loss is not one more failed attempt
RESUME_SPREAD = 1.0  # attempts are spread over this when signaling is back, so that a room does not stampede

_GAVE_UP = frozenset({act.LEAVING, act.BAD_BLOCK, act.PROTOCOL_ERROR, act.TOO_MANY})


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
        self._mediated: set[bytes] = set()
        self._actions: list[act.Action] = []
        self._timer: float | None = None
        self._moved = True

    # What the shell may ask.

    @property
    def asks(self) -> bool:
        """Whether `poll_actions` has anything to give."""
        return bool(self._actions)

    def poll_actions(self) -> list[act.Action]:
        actions, self._actions = self._actions, []
        return actions

    def next_timer(self) -> float | None:
        """When `handle_timer` is due; it may be a little early, never late."""
        if self._moved:
            timers = [at for peer in self._peers if (at := self._due(peer)) is not None]
            self._timer = min(timers, default=None)
            self._moved = False
        return self._timer

    def introduction(self, peer: bytes) -> act.Introduction | None:
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
        known.introduction = act.Introduction(
            key, nonce, name or (old.name if old else ""), role or (old.role if old else "")
        )
        if old is not None and old.nonce == nonce:
            return
        # A new nonce is a new session of that peer: what failed before says nothing about it.
        if known.state is State.OFFERED and not known.answered:
            self._close(known, act.REPLACED)
        if known.state in (State.ABSENT, State.WAITING, State.UNREACHABLE) and not known.expelled:
            known.state = State.ABSENT
            known.attempts = 0
            self._begin(known, now)

    def want(self, peer: bytes, purpose: str, now: float) -> None:
        known = self._peers.know(peer)
        if known is None:
            if peer != self.own:
                self._actions.append(act.Unreachable(peer))
            return
        if purpose in known.purposes:
            return
        known.purposes.add(purpose)
        if known.state is State.UNREACHABLE:
            self._actions.append(act.Unreachable(peer))
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
        elif known.state is State.OPEN:
            known.used_at = now
        # An offer is seen through: whoever takes it may want the link, and would wait in vain for seconds.

    def offer_received(self, peer: bytes, connection: bytes, now: float) -> None:
        """An offer came whose signature the shell has verified."""
        known = self._peers.know(peer)
        reason = objection(self.own, peer, known, connection in self._seen)
        self._seen.add(connection)
        if known is None or reason is not None:
            self._actions.append(act.Refuse(peer, connection, reason or act.TOO_MANY))
            return
        if known.holds_place:
            # An offer after its sender's answer, or over an open link, says that the sender began anew.
            self._close(known, act.REPLACED if known.state is not State.OFFERED else act.GLARE)
        elif not self._make_room(now, None):
            self._actions.append(act.Refuse(peer, connection, act.TOO_MANY))
            return
        known.state = State.ACCEPTED
        known.connection = connection
        known.outgoing = False
        known.answered = False
        known.due = now + SETUP_TIMEOUT
        self._moved = True
        self._actions.append(act.Accept(peer, connection))

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
            self._actions.append(act.Close(peer, connection, act.STALE))
            return
        if known.state is State.OPEN:
            return
        known.state = State.OPEN
        known.opened_at = known.heard_at = now
        known.used_at = liveness.used_when_opened(known, now)
        known.quiet = False
        self._actions.append(act.Opened(peer))
        self._ping(known, now)
        self._moved = True

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
            self._actions.append(act.Loud(peer))

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

    def mediated(self, peer: bytes, possible: bool, now: float) -> None:
        """Neighbours can, or can no longer, pass an offer on to `peer`."""
        (self._mediated.add if possible else self._mediated.discard)(peer)
        known = self._peers.get(peer)
        if known is not None and known.state is State.WAITING:
            known.due = max(known.due, now)
        self._moved = True

    def departed(self, peer: bytes, now: float) -> None:
        """The introducer says that `peer` left. An open link stays: whether it lives is seen on it."""
        known = self._peers.get(peer)
        if known is None:
            return
        known.introduction = None
        if known.state is State.OFFERED and not known.answered:
            self._close(known, act.LEAVING)
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
                self._close(known, act.LEAVING)
            known.state = State.ABSENT
        self._moved = True

    def handle_timer(self, now: float) -> None:
        expected = self.next_timer()
        if expected is None or now < expected:
            return
        if now - expected >= liveness.QUIET_AFTER:
            # We slept ourselves (a suspended machine, a frozen page): that silence was not the others'.
            for known in self._peers:
                known.heard_at = max(known.heard_at, now)
        # One pass finds what is due and when the next is; what moves the time of another says so.
        self._moved = False
        timer = float("inf")
        for known in list(self._peers):
            if known.state is State.ABSENT:
                continue
            due = liveness.due(known) if known.state is State.OPEN else self._due(known)
            if due is None or now >= due:
                self._tick(known, now)
                due = self._due(known)
            if due is not None and due < timer:
                timer = due
        self._timer = timer if timer < float("inf") else None

    # Inside.

    def _can_offer(self, known: KnownPeer) -> bool:
        return self._up or known.id in self._mediated

    def _tick(self, known: KnownPeer, now: float) -> None:
        """Its time has come, or it waits for a way."""
        if known.state is State.OPEN:
            self._watch(known, now)
        elif known.state in (State.OFFERED, State.ACCEPTED):
            self._actions.append(act.Close(known.id, known.connection, act.TIMED_OUT))
            self._lost(known, act.TIMED_OUT, now)
        elif known.state is State.WAITING:
            if now >= known.due:
                self._connect(known, now)
        else:
            known.state = State.ABSENT
            known.expelled = False
            known.attempts = 0
            self._begin(known, now)

    def _watch(self, known: KnownPeer, now: float) -> None:
        if liveness.is_dead(known, now):
            self._actions.append(act.Close(known.id, known.connection, act.SILENT))
            self._lost(known, act.SILENT, now)
        elif liveness.is_idle(known, now):
            self._close(known, act.NOT_NEEDED)
        else:
            if liveness.falls_quiet(known, now):
                known.quiet = True
                self._actions.append(act.Quiet(known.id))
            if now >= known.ping_at:
                self._ping(known, now)

    def _due(self, known: KnownPeer) -> float | None:
        if known.state is State.OPEN:
            return liveness.due(known)
        if known.state is State.ABSENT or (known.state is State.WAITING and not self._can_offer(known)):
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
        elif not self._can_offer(known):
            return
        elif not self._make_room(now, known):
            known.due = now + FULL_RETRY
        else:
            known.state = State.OFFERED
            known.connection = self._seen.new(self._chance)
            known.outgoing = True
            known.answered = False
            known.due = now + SETUP_TIMEOUT
            mediated = known.id in self._mediated and (not self._up or known.attempts % 2 == 1)
            self._actions.append(act.Connect(known.id, known.connection, mediated))
        self._moved = True

    def _make_room(self, now: float, wanted: KnownPeer | None) -> bool:
        if self.places_taken < self.limit:
            return True
        victim = gives_way(self._peers, wanted, now) if self.places_taken == self.limit else None
        if victim is None:
            return False
        self._close(victim, act.TOO_MANY)
        if victim.purposes:
            victim.state = State.WAITING
            victim.due = now + UNREACHABLE_FOR
        return True

    def _lost(self, known: KnownPeer, reason: str, now: float) -> None:
        self._moved = True
        was_open = known.state is State.OPEN
        known.state = State.ABSENT
        if was_open:
            self._actions.append(act.Closed(known.id, reason))
            if now - known.opened_at >= STEADY_AFTER:
                known.attempts = 0
        if reason == act.LEAVING:
            known.introduction = None
        if reason in _GAVE_UP:
            self._give_up(known, now, UNREACHABLE_FOR)
        elif known.purposes and self._can_offer(known):
            known.attempts += 1
            if known.attempts >= ATTEMPTS:
                self._give_up(known, now, UNREACHABLE_FOR)
            else:
                known.state = State.WAITING
                known.due = now + retry_delay(known.attempts, self._chance())
        elif known.purposes:
            known.state = State.WAITING
            known.due = now

    def _give_up(self, known: KnownPeer, now: float, seconds: float) -> None:
        known.state = State.UNREACHABLE
        known.due = now + seconds
        self._moved = True
        if known.purposes:
            self._actions.append(act.Unreachable(known.id))

    def _close(self, known: KnownPeer, reason: str) -> None:
        self._actions.append(act.Close(known.id, known.connection, reason))
        if known.state is State.OPEN:
            self._actions.append(act.Closed(known.id, reason))
        known.state = State.ABSENT
        self._moved = True

    def _ping(self, known: KnownPeer, now: float) -> None:
        known.ping_at = liveness.next_ping(now, self._chance())
        self._actions.append(act.SendPing(known.id))
