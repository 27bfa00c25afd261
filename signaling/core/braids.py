"""The braids of a room: which peers take part in which plan, and what they are told."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from signaling.core.appraisal import Fare
from signaling.core.capacity import ROUNDING
from signaling.core.hearsay import CONDEMNED_FOR, Hearsay
from signaling.core.members import Member
from signaling.core.nodes import MOST_CHILDREN
from signaling.core.placement import BUDGET
from signaling.core.planner import Assignment, Planner
from signaling.core.pool import Chance
from signaling.core.streams import LiveStream, Streams
from signaling.core.timers import Timers
from signaling.description import Rendition
from signaling.protocol import Introduction, Plan, Report, Watch, braid_id

CREDIT = 1
"""Times the stream that a newcomer is given to feed before anything is known of it.

With less, a flash crowd could not carry itself until the first confirmations, seconds later; with more, those
who have twice the stream to give are asked for more than that at their first doubling. One that gives nothing
spoils S (child, stripe) pairs at most, once, each until that child's fail-over.
"""
RELAY_CREDIT = 4
"""The same for a relay, which somebody started in order to carry."""
SPARE = 1
"""Pairs more that a peer may take where others fail over: with more of them, orphans overload who has little
to give, whose children are orphans next."""
OVERHEAD = 1.1
"""Bytes on the wire for each byte of the stream: seals, proofs, transport."""
SEPARATION = 30.0
"""Seconds for which two peers that could not reach each other are kept apart."""
LOSS = 5.0
"""The same for two peers whose link died, which can often be made again."""
FRESH = 10.0
"""Seconds after joining in which a link that others lose is one to the same key's last membership."""
RECOVERY = 30.0
"""Seconds after the start of a plan in which those who name unknown parents are believed."""
FIRST_REPORT = 3.0
"""Seconds for which a peer that returns after a restart is given to report who feeds it."""
MOST_SEPARATIONS = 16
"""Peers of one report that are taken to be out of its sender's reach."""

Tell = Callable[[Member, Plan], None]
Parents = tuple[str | None, ...]


@dataclass(slots=True)
class Braid:
    """One rendition of one stream. There is no planner while the stream is not known."""

    stream: str
    rendition: str
    id: str = ""
    planner: Planner | None = None
    started_at: float = 0.0
    wishes: dict[str, Watch] = field(default_factory=dict)
    fed_by: dict[str, tuple[Parents, Parents]] = field(default_factory=dict)
    """The parents that each peer was told last, and those before."""


def slots_of(wish: Watch, rendition: Rendition, *, relay: bool) -> tuple[int, int]:
    """(child, stripe) pairs that a peer is given to feed at first, and those that it may be given later.

    One child gets one stripe from a viewer, as a rule, but under shortage it may get all.
    """
    most = MOST_CHILDREN * rendition.stripes
    if wish.uplink is not None:
        most = min(most, int(wish.uplink / (rendition.bandwidth * OVERHEAD / rendition.stripes) + ROUNDING))
    credit = rendition.stripes * (RELAY_CREDIT if relay else CREDIT)
    return min(most, credit), most


class Braids:
    """All braids of one room. `members` and `streams` are the room's own."""

    def __init__(
        self,
        room: str,
        members: dict[str, Member],
        streams: Streams,
        timers: Timers,
        chance: Chance,
        tell: Tell,
        sequence: Iterator[int],
        budget: float = BUDGET,
    ) -> None:
        self._budget = budget
        self._room = room
        self._members = members
        self._streams = streams
        self._timers = timers
        self._chance = chance
        self._tell = tell
        self._sequence = sequence
        self._hearsay = Hearsay()
        self._braids: dict[tuple[str, str], Braid] = {}
        self._by_id: dict[str, Braid] = {}

    def watchers(self, stream: str, rendition: str) -> int:
        """How many peers take part."""
        braid = self._braids.get((stream, rendition))
        return len(braid.wishes) if braid is not None else 0

    def described(self, name: str, now: float) -> None:
        """A stream's description is new, changed or gone."""
        stream = self._streams.get(name)
        for braid in [braid for braid in self._braids.values() if braid.stream == name]:
            self._start(braid, stream, now)
            self._flush(braid, now)

    def watch(self, member: Member, wish: Watch, now: float) -> None:
        """A peer asks for a place, or changes what it gives."""
        name = (wish.stream, wish.rendition)
        braid = self._braids.get(name)
        if braid is None:
            braid = self._braids[name] = Braid(*name)
            self._start(braid, self._streams.get(wish.stream), now)
        member.watches.add(name)
        braid.wishes[member.id] = wish
        if not self._resize(braid, member.id, now):
            self._admit(braid, member, now)
        self._flush(braid, now)

    def unwatch(self, member: Member, stream: str, rendition: str, now: float) -> None:
        """A peer gives its place up."""
        member.watches.discard((stream, rendition))
        braid = self._braids.get((stream, rendition))
        if braid is None or braid.wishes.pop(member.id, None) is None:
            return
        braid.fed_by.pop(member.id, None)
        if braid.planner is not None:
            braid.planner.leave(member.id, now)
            self._flush(braid, now)
        if not braid.wishes:
            del self._braids[(stream, rendition)]
            self._by_id.pop(braid.id, None)

    def left(self, member: Member, now: float) -> None:
        """A peer is gone for good."""
        for stream, rendition in list(member.watches):
            self.unwatch(member, stream, rendition, now)

    def dropped(self, member: Member, now: float) -> None:
        """A peer's socket is gone; its links may live on."""
        for name in member.watches:
            braid = self._braids[name]
            if braid.planner is not None and member.id in braid.planner:
                braid.planner.set_away(member.id, True)
                self._flush(braid, now)

    def returned(self, member: Member, now: float, *, other_nonce: bool) -> None:
        """A peer is back on another socket: it may have missed plans, and others have its old nonce."""
        for braid in self._braids.values():
            planner = braid.planner
            if planner is None:
                continue
            if member.id != planner.root and member.id not in planner:
                continue
            planner.reconcile_all(member.id)
            if member.id != planner.root:
                planner.set_away(member.id, False)
                planner.set_prefix(member.id, member.prefix)
                planner.tell_again(member.id)
            if other_nonce:
                for child in sorted(planner.children(member.id)):
                    planner.tell_again(child)
            self._flush(braid, now)

    def report(self, member: Member, report: Report, now: float) -> None:
        """A peer says how it fares in a braid."""
        parents = tuple(report.parents)
        braid = self._by_id.get(report.braid)
        if braid is None or braid.planner is None:
            # Its publisher may have yet to come back.
            if report.braid in member.reports or len(member.reports) < max(1, len(member.watches)):
                member.reports[report.braid] = parents
            return
        if member.id not in braid.wishes:
            return
        planner = braid.planner
        if member.id not in planner:
            member.reports[report.braid] = parents
            self._admit(braid, member, now)
        else:
            self._complain(braid, planner, member, report.harmful, now)
            lost = [peer for peer in report.lost if not self._is_fresh(peer, now)]
            failed = self._separate(braid, planner, member, report.failed, SEPARATION, now)
            trouble = self._separate(braid, planner, member, lost, LOSS, now) or failed
            fare = Fare(report.received_from, report.loss, report.rtt, report.slots)
            weak = planner.report(member.id, parents, fare=fare, final=trouble, now=now)
            self._separate(braid, planner, member, weak, SEPARATION, now)
        self._flush(braid, now)

    def _rendition(self, braid: Braid) -> Rendition | None:
        stream = self._streams.get(braid.stream)
        if stream is None:
            return None
        return next((each for each in stream.description.renditions if each.id == braid.rendition), None)

    def _start(self, braid: Braid, stream: LiveStream | None, now: float) -> None:
        """Begin, keep or end a braid's plan, as its stream is described."""
        rendition = self._rendition(braid)
        if stream is None or rendition is None:
            braid.planner = None
            self._by_id.pop(braid.id, None)
            return
        planner = braid.planner
        origin = bool(stream.description.origins)
        if planner is not None and planner.root == stream.publisher and planner.stripes == rendition.stripes:
            planner.set_origin(origin)
            return
        self._by_id.pop(braid.id, None)
        braid.id = braid_id(stream.key, self._room, braid.stream, braid.rendition).hex()
        braid.started_at = now
        braid.planner = Planner(
            stream.publisher,
            rendition.stripes,
            self._chance,
            budget=self._budget,
            sequence=self._sequence,
        )
        braid.planner.set_origin(origin)
        self._by_id[braid.id] = braid
        started = braid.planner

        def recovered(now: float) -> None:
            if braid.planner is started:
                started.expect_no_more(now)
                self._flush(braid, now)

        self._timers.at(now + RECOVERY, recovered)
        for peer in list(braid.wishes):
            self._admit(braid, self._members[peer], now)

    def _admit(self, braid: Braid, member: Member, now: float, *, wait: bool = True) -> None:
        """Give a peer its place; one that may be in the mesh already is asked for the places it has."""
        planner = braid.planner
        rendition = self._rendition(braid)
        if planner is None or rendition is None or member.id == planner.root:
            return
        relay = member.role == "relay"
        wish = braid.wishes[member.id]
        slots, most = slots_of(wish, rendition, relay=relay)
        carry = self._may_carry(member.id, wish, now)
        young = now < braid.started_at + RECOVERY
        parents = member.reports.pop(braid.id, None)
        if parents is not None and member.returned:
            planner.adopt(
                member.id,
                carry,
                slots,
                parents,
                most=most,
                relay=relay,
                prefix=member.prefix,
                parity=wish.parity,
                expect=young,
                now=now,
            )
        elif wait and member.returned and young:

            def waited(now: float) -> None:
                here = self._members.get(member.id) is member and member.id in braid.wishes
                if here and braid.planner is planner and member.id not in planner:
                    self._admit(braid, member, now, wait=False)
                    self._flush(braid, now)

            self._timers.at(now + FIRST_REPORT, waited)
        else:
            planner.join(
                member.id,
                carry,
                slots,
                most=most,
                relay=relay,
                prefix=member.prefix,
                parity=wish.parity,
                now=now,
            )

    def _separate(
        self,
        braid: Braid,
        planner: Planner,
        member: Member,
        peers: Iterable[str],
        seconds: float,
        now: float,
    ) -> bool:
        """Keep a peer apart from those whom it cannot reach; returns whether there were any."""
        apart = [
            peer
            for peer in dict.fromkeys(peers)
            # A publisher that is away is missed by everybody: that says nothing of the way to it.
            if peer != member.id and (peer in planner or (peer == planner.root and self._is_here(peer)))
        ][:MOST_SEPARATIONS]
        for peer in apart:
            if seconds == LOSS:
                planner.blame(member.id, peer, now)
            if planner.separate(member.id, peer, now=now):

                def over(now: float, peer: str = peer) -> None:
                    if braid.planner is planner:
                        planner.reconcile(member.id, peer)
                        self._flush(braid, now)

                # The publisher is the last resort: nobody does without it for long.
                apart_for = min(seconds, LOSS) if peer == planner.root else seconds
                self._timers.at(now + apart_for, over)
        return bool(apart)

    def _complain(
        self,
        braid: Braid,
        planner: Planner,
        member: Member,
        harmful: Iterable[str],
        now: float,
    ) -> None:
        """A peer got bad blocks from others: they are kept apart, and believed to do harm if many say so."""
        now_fed_by, was_fed_by = braid.fed_by.get(member.id, ((), ()))
        self._separate(braid, planner, member, harmful, CONDEMNED_FOR, now)
        for peer in dict.fromkeys(harmful):
            if peer not in (*now_fed_by, *was_fed_by) or peer not in planner:
                continue
            network = member.prefix or member.id
            if self._hearsay.complain(member.id, network, member.joined_at, peer, now):
                self._resize(braid, peer, now)

                def over(now: float, peer: str = peer) -> None:
                    if self._resize(braid, peer, now):
                        self._flush(braid, now)

                self._timers.at(now + CONDEMNED_FOR, over)

    def _resize(self, braid: Braid, peer: str, now: float) -> bool:
        """Have the plan know what a peer wishes to give, and may; returns whether it has a place in it."""
        planner, rendition = braid.planner, self._rendition(braid)
        if planner is None or rendition is None or peer not in planner or peer not in braid.wishes:
            return False
        wish = braid.wishes[peer]
        slots, most = slots_of(wish, rendition, relay=self._members[peer].role == "relay")
        planner.resize(peer, self._may_carry(peer, wish, now), slots, most=most, parity=wish.parity, now=now)
        planner.tell_again(peer)
        return True

    def _may_carry(self, peer: str, wish: Watch, now: float) -> bool:
        return wish.carry and not self._hearsay.condemned(peer, now)

    def _is_fresh(self, peer: str, now: float) -> bool:
        member = self._members.get(peer)
        return member is not None and now - member.joined_at < FRESH

    def _is_here(self, peer: str) -> bool:
        member = self._members.get(peer)
        return member is not None and member.socket is not None

    def _flush(self, braid: Braid, now: float) -> None:
        planner = braid.planner
        if planner is None:
            return
        for peer, assignment in planner.changes().items():
            before, _ = braid.fed_by.get(peer, ((), ()))
            if assignment.parents != before:
                braid.fed_by[peer] = (assignment.parents, before)
            self._tell(self._members[peer], self._plan(braid, assignment))

    def _plan(self, braid: Braid, assignment: Assignment) -> Plan:
        named = dict.fromkeys([*filter(None, assignment.parents), *assignment.standbys])
        known: list[Introduction] = [
            self._members[peer].introduction() for peer in named if peer in self._members
        ]
        return Plan(
            stream=braid.stream,
            rendition=braid.rendition,
            braid=braid.id,
            sequence=assignment.sequence,
            parents=list(assignment.parents),
            standbys=list(assignment.standbys),
            introductions=known,
            slots=assignment.slots,
            children_limit=assignment.slots + SPARE if assignment.slots else 0,
        )
