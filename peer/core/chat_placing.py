"""The place of a message in the log: what it follows is looked up, fetched and waited for; then it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from peer import wire
from peer.core.chat_beginning import Beginning
from peer.core.chat_fetch import Fetch
from peer.core.chat_history import History
from peer.core.chat_limits import ChatCounters, ChatLimits
from peer.core.chat_message import Entry, Place, SignedMessage, message_id, next_clock
from peer.core.chat_past import Past
from peer.core.chat_pending import Pending, Waiting
from peer.core.chat_places import Places
from peer.core.chat_recall import Erase, Forget, Keep, KeepMeasure
from peer.core.chat_telling import Telling
from signaling.chat_header import ChatHeader
from signaling.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Deliver:
    """A text was accepted: its place among the others is that of its (clock, author key, id)."""

    message: Entry


@dataclass(frozen=True, slots=True)
class Revise:
    """What is shown of the text with this id has changed: None when it is gone."""

    id: bytes
    message: Entry | None


@dataclass(frozen=True, slots=True)
class Ruled:
    """A measure is in force; `live` when it came as news, and not as part of the past."""

    id: bytes
    live: bool


class Placing:
    """What counts, given messages that their authors have signed."""

    def __init__(
        self,
        limits: ChatLimits,
        counters: ChatCounters,
        history: History,
        pending: Pending,
        fetch: Fetch,
        telling: Telling,
        past: Past,
        places: Places,
        stored: bool,
        act: Callable[[Keep | KeepMeasure | Erase | Forget | Deliver | Revise | Ruled], None],
    ) -> None:
        self.beginning = Beginning(limits.settling, limits.waiting)
        self.bottom: Place | None = None
        """The last place that the store has forgotten."""
        self._limits = limits
        self._counters = counters
        self._history = history
        self._pending = pending
        self._fetch = fetch
        self._telling = telling
        self._past = past
        self._places = places
        self._restraints = history.restraints
        self._stored = stored
        self._act = act
        self._shown: dict[bytes, Entry] = {}
        self._refused: dict[bytes, None] = {}
        self._absent: dict[bytes, None] = {}
        self._settled: Place | None = None
        """What a checkpoint settles was dropped up to there."""
        self._settled_out: dict[bytes, None] = {}
        """What came although it is settled; a measure that comes after one of these cannot be judged."""

    def knows(self, message: bytes) -> bool:
        """Whether it counts, or is out for good, as far as memory tells."""
        here = message in self._history and not self.lacks_body(message)
        return here or message in self._refused or message in self._settled_out

    def lacks_body(self, message: bytes) -> bool:
        """Whether it is here without its body, which nobody who may has deleted."""
        known = self._history.get(message)
        return known is not None and known.is_bare and not self._history.view.is_deleted(known)

    def below(self, message: SignedMessage) -> bool:
        """Whether it is older than all that is kept, and out for that."""
        if self._restraints.is_measure(message):
            return False
        if not self._stored:
            return self._history.below(message.place)
        return self.bottom is not None and message.place <= self.bottom

    def keep(self, message: SignedMessage, *, complete: bool) -> None:
        """Have it kept where there is a store."""
        if self._stored and not self.below(message):
            self._act(Keep(message.place, message.signed, complete))
            self._compare(message)

    def _compare(self, message: SignedMessage) -> None:
        """It is one of those that are compared with what others have; measures are compared by themselves."""
        if not self._restraints.is_measure(message):
            self._places.add(message.place)

    def deliver(self, message: SignedMessage) -> None:
        """Show it, if it is to be shown."""
        if message.id in self._history:
            self._show([message])

    def obeying(self, message: SignedMessage) -> SignedMessage:
        """It, without its body if that was taken back."""
        return message.bare() if self._history.view.is_deleted(message) else message

    def add(self, message: SignedMessage) -> bool:
        """Take an accepted message into memory, and do what it does. False when it is too old for that."""
        if not self._history.add(message):
            return False
        if not self._stored:
            self._compare(message)
            self._leave_out()
        self._done(message)
        following = self._history.next(message)
        if following is not None:  # it may have come too soon after this
            self._show([following])
        return True

    def _leave_out(self) -> None:
        """Without a store, what is not in memory is gone."""
        left_out = self._history.left_out
        if left_out is not None:
            self._places.forget(left_out)

    def fill(self, message: SignedMessage) -> None:
        """The body came of a message that was here without it."""
        self._history.replace(message)
        self.keep(message, complete=True)
        self.deliver(message)
        self._done(message)

    def _done(self, message: SignedMessage) -> None:
        """What a message makes of others."""
        self.erase(message)
        target = None if message.act is None else self._history.get(message.act.target)
        if self._restraints.added(message):
            self._show(self._history)
        elif target is not None:
            self._show([target])

    def rule(self, message: SignedMessage, *, live: bool) -> str | None:
        """Let a measure be in force. Returns why it is not."""
        sentence = self._restraints.take(message)
        if sentence is not None:
            return sentence
        self._history.pin(message)
        if self._stored:
            self._act(KeepMeasure(message.signed))
        self.erase(message)
        if self._restraints.settled is not None:
            self._history.unpin()
            self.settle()
        self._act(Ruled(message.id, live))
        self._show(self._history)
        return None

    def settle(self) -> None:
        """Drop what a checkpoint settles, and ask again for what was refused, for it may count by now."""
        place = self._restraints.settled
        if place is None or place == self._settled:
            return
        self._settled = place
        for message in self._history.settle(place):
            self._telling.unsent.pop(message.id, None)
        self._places.forget(place)
        for id, entry in list(self._shown.items()):
            if entry.place <= place:
                del self._shown[id]
                self._act(Revise(id, None))
        self._refused.clear()
        if self._stored and (self.bottom is None or self.bottom < place):
            self.bottom = place
            self._act(Forget(place))

    def settled(self, message: SignedMessage, peer: bytes | None, now: float) -> None:
        """Let nothing wait for what a checkpoint tells of, and ask for what it comes after."""
        if not isinstance(message.measure, Checkpoint):
            return
        for id in message.measure.known:
            self._found(id, now)
        moderation = self._restraints.moderation
        if moderation is not None and peer is not None:
            for id in moderation.unknown((message.id,)):
                if id not in self._pending:
                    self._fetch.need(id, peer, now)

    def restored(self) -> None:
        """What is shown now needs no telling."""
        self._shown = {message.id: entry for message, entry in self._entries(self._history)}

    def _entries(self, messages: Iterable[SignedMessage]) -> Iterator[tuple[SignedMessage, Entry]]:
        for message in messages:
            entry = self._history.view.entry(message)
            if entry is not None:
                yield message, entry

    def _show(self, messages: Iterable[SignedMessage]) -> None:
        """Tell what is shown of these now, if that is new."""
        for message in list(messages):
            before, now = self._shown.get(message.id), self._history.view.entry(message)
            if before == now:
                continue
            if now is None:
                del self._shown[message.id]
            else:
                self._shown[message.id] = now
            self._act(Revise(message.id, now) if before is not None or now is None else Deliver(now))
        if len(self._shown) > 2 * self._limits.messages:
            self._shown = {id: entry for id, entry in self._shown.items() if id in self._history}

    def erase(self, message: SignedMessage) -> None:
        """What a message takes back is gone from memory, and from the store."""
        author, target = self._restraints.deletes(message)
        if target is None:
            return
        known = self._history.get(target)
        for taken in (*self._history.view.edits(target, author), *([] if known is None else [known])):
            if taken.header.author == author and not taken.is_bare:
                self._history.replace(taken.bare())
        if self._stored:
            self._act(Erase(target, author))

    def came(self, message: bytes) -> None:
        """It is here, whatever becomes of it."""
        self._absent.pop(message, None)

    def refuse(self, message: SignedMessage, now: float) -> None:
        """It is out for good: nothing is to wait for it."""
        settled = self._restraints.settles(message)
        _remember(self._settled_out if settled else self._refused, message.id, self._limits.remembered)
        self._found(message.id, now)

    def give_up(self, message: bytes, now: float) -> None:
        """Nobody has it: what follows it counts without it."""
        self._counters.absent += 1
        _remember(self._absent, message, self._limits.remembered)
        self._found(message, now)

    def place(self, waiting: Waiting, now: float) -> None:
        """Its signature is genuine. First the store is asked for what is not in memory."""
        message, store = waiting.message, self._telling.recalls
        unknown = [followed for followed in message.header.follows if followed not in self._history]
        if self._history.below(message.place):
            unknown.append(message.id)
        if store is None or not unknown:
            self._place(waiting, now)
            return
        store.recall(tuple(unknown), lambda found, later: self._recalled(waiting, found, later))

    def _recalled(self, waiting: Waiting, found: list[wire.ChatMessage], now: float) -> None:
        for kept in found:
            number, header = message_id(kept.header), ChatHeader.parse(kept.header)
            if number == waiting.message.id:
                self._counters.duplicates += 1
                self._pending.remove(waiting)
                self._found(number, now)
                return
            waiting.clocks[number] = header.clock
        self._place(waiting, now)

    def _place(self, waiting: Waiting, now: float) -> None:
        missing = self._missing(waiting, now)
        if missing:
            self._wait(waiting, missing, now)
        else:
            self._accept(waiting, now)

    def _wait(self, waiting: Waiting, missing: list[bytes], now: float) -> None:
        self._pending.wait_for(waiting, missing)
        for followed in missing:
            if followed not in self._pending:
                self._fetch.need(followed, waiting.source, now)

    def _missing(self, waiting: Waiting, now: float) -> list[bytes]:
        """What it has to wait for: measures that its author knew, and messages that it follows.

        A checkpoint waits for nothing, for others wait for what only it tells.
        """
        if isinstance(waiting.message.measure, Checkpoint) and self._restraints.is_measure(waiting.message):
            return []
        return list(
            dict.fromkeys([*self._missing_measures(waiting.message), *self._missing_before(waiting, now)])
        )

    def _missing_measures(self, message: SignedMessage) -> list[bytes]:
        return [
            id
            for id in self._unknown(message)
            if (id not in self._absent and id not in self._settled_out) or self._comes(id)
        ]

    def _comes(self, message: bytes) -> bool:
        """Whether somebody who has it was asked for it, or it waits itself."""
        return message in self._fetch or message in self._pending

    def _unknown(self, message: SignedMessage) -> list[bytes]:
        """The measures that its author knew, and that may still come."""
        return [id for id in self._restraints.unknown(message) if id not in self._refused]

    def _missing_before(self, waiting: Waiting, now: float) -> list[bytes]:
        message = waiting.message
        floor = self._history.floor if not self._stored else self.bottom[0] if self.bottom else 0
        if message.header.clock <= max(floor + 1, self.beginning.clock):
            return []
        missing = [
            followed
            for followed in message.header.follows
            if followed not in self._history
            and followed not in waiting.clocks
            and followed not in self._refused
            and followed not in self._settled_out
            and followed not in self._absent
            and not self._restraints.is_settled(followed)
        ]
        told = message.id in self._past or self.beginning.includes(message.id, now)
        if told or self._restraints.is_measure(message):
            missing = [followed for followed in missing if self._comes(followed)]
        return missing

    def _accept(self, first: Waiting, now: float) -> None:
        ready = [first]
        for waiting in ready:  # grows while it is walked through
            late = self._missing_measures(waiting.message)
            if late:  # what a checkpoint comes after that has come meanwhile
                self._wait(waiting, late, now)
                continue
            message = self.obeying(waiting.message)
            self._pending.remove(waiting)
            if self._restraints.settles(message):
                self._counters.too_old += 1
                _remember(self._settled_out, message.id, self._limits.remembered)
            elif self._restraints.is_measure(message) and self._unknown(message):
                # Nobody can tell what its author may do: it is taken when what it comes after is here.
                _remember(self._absent, message.id, self._limits.remembered)
            elif self._objects(waiting):
                self._counters.unauthorised += 1
                _remember(self._refused, message.id, self._limits.remembered)
            elif self._restraints.is_measure(message):
                self._accepted(message, waiting, now)
                self.settled(message, waiting.source, now)
            elif not self.fits(message, waiting.clocks):
                self._counters.misplaced += 1
                _remember(self._refused, message.id, self._limits.remembered)
            elif self.add(message) or message.id in self._past or not self.below(message):
                self._accepted(message, waiting, now)
            else:
                self._counters.too_old += 1
            ready += self._pending.found(message.id)

    def _objects(self, waiting: Waiting) -> bool:
        """Whether its author may not do or say that, by the measures that it knew."""
        message = waiting.message
        if self._restraints.is_measure(message):
            # What somebody sends unasked of long ago is no news.
            recent = message.header.clock + self._limits.newest > self._history.greatest
            return self.rule(message, live=recent and not waiting.asked_for) is not None
        return self._restraints.is_invalid(message)

    def fits(self, message: SignedMessage, clocks: dict[bytes, int]) -> bool:
        known = []
        for followed in message.header.follows:
            parent = self._history.get(followed)
            clock = clocks.get(followed) if parent is None else parent.header.clock
            if clock is not None:
                known.append(clock)
        least = next_clock(known)
        # Nobody can tell the clock of what is not there: then it is only bounded, from both sides.
        clock = message.header.clock
        return clock == least if len(known) == len(message.header.follows) else clock >= least

    def _accepted(self, message: SignedMessage, waiting: Waiting, now: float) -> None:
        self._counters.accepted += 1
        for follower in self._pending.awaited(message.id):
            follower.clocks[message.id] = message.header.clock
        complete = all(
            followed in self._history or followed in waiting.clocks for followed in message.header.follows
        )
        if self._restraints.is_measure(message):
            # Where what it follows is not here, it would stand alone before all the rest.
            complete = complete and self.fits(message, waiting.clocks) and self.add(message)
        self.keep(message, complete=complete)
        if message.id not in self._history:
            self.erase(message)
        if message.id in self._past:  # others ask for pages of their own
            self._past.came(message)
            if message.id in self._history:  # but this is not long ago
                self._shown |= {known.id: entry for known, entry in self._entries([message])}
                self._telling.tell_later(message.id, waiting.holders, now)
            return
        if not self._restraints.is_measure(message):
            self.beginning.accepted(message.header.clock, complete, now)
        self.deliver(message)
        if waiting.asked_for:
            # The past is told, not pushed: whoever lacks it asks, and no rate of its author's is in the way.
            self._telling.tell_later(message.id, waiting.holders, now)
        else:
            self._telling.push(message, waiting.holders, now)

    def _found(self, message: bytes, now: float) -> None:
        for follower in self._pending.found(message):
            self._accept(follower, now)


def _remember(ids: dict[bytes, None], message: bytes, limit: int) -> None:
    ids[message] = None
    if len(ids) > limit:
        del ids[next(iter(ids))]
