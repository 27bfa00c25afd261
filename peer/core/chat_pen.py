"""Writing one's own messages: no faster than others accept, never two the same, and only what one may."""

from __future__ import annotations

from dataclasses import replace

from peer.core.bucket import Bucket
from peer.core.chat_acts import KINDS, Act, ChatError, Delete, Edit, write_act
from peer.core.chat_history import History
from peer.core.chat_message import ChatRateError, Draft, Place, SignedMessage, draft, next_clock, write_text
from peer.core.chat_restraints import last_of
from peer.core.shared_file import SharedFile
from signaling.chat_header import MAX_BODY, MAX_FOLLOWS, TEXT
from signaling.checkpoint import CHECKPOINT, Checkpoint, write_checkpoint
from signaling.measures import MEASURE, WITH_LAST, Measure, write_measure

NO_OWNER = "Nobody here knows who owns this room: use the link that its owner gives."


class Pen:
    """Writes for the author with public key `key` in the room with that hash. Calls raise ChatError."""

    def __init__(self, room: bytes, key: bytes, rate: tuple[float, float], history: History) -> None:
        self._room = room
        self._key = key
        self._rate = rate
        self._history = history
        self._restraints = history.restraints
        self._bucket: Bucket | None = None
        self._time = 0
        self.said = 0
        """The time that the last text showed which was sent."""

    def text(
        self, text: str, name: str, reply: bytes | None, wall_ms: int, now: float, file: SharedFile | None
    ) -> Draft:
        """A text, which may answer the message with the id `reply`, and tell of a file."""
        self._may_write()
        slowness = self._restraints.slowness(self._key)
        wait = self.said + 1000 * slowness - wall_ms
        if slowness and wait > 0:
            raise ChatError(f"The room is in slow mode: write again in {-(-wait // 1000)} s.")
        return self._write(TEXT, write_text(name, text, reply, self._known(), file), wall_ms, now)

    def act(self, act: Act, wall_ms: int, now: float) -> Draft:
        """What one does to a message."""
        target = self._history.get(act.target)
        if isinstance(act, Edit | Delete) and target is not None and target.header.author != self._key:
            done = "edited" if isinstance(act, Edit) else "deleted"
            raise ChatError(f"Only messages of your own can be {done}.")
        if target is not None and self._history.view.entry(target) is None:
            raise ChatError("That message is not there any more.")
        self._may_write()
        return self._write(KINDS[type(act)], write_act(act, self._known()), wall_ms, now)

    def measure(self, measure: Measure, wall_ms: int, now: float) -> Draft:
        """What one does in the room, after all that is known, and with what counts of its subject."""
        moderation = self._restraints.moderation
        if moderation is None:
            raise ChatError(NO_OWNER)
        last: tuple[tuple[int, bytes], ...] = ()
        if measure.subject is not None and measure.verb in WITH_LAST:
            counting = [known for known in self._history if not self._restraints.hides(known)]
            last = last_of(measure.subject, counting, self._history.get)
        measure = replace(measure, after=self._known(), last=last)
        sentence = moderation.objection(self._key, measure)
        if sentence is not None:
            raise ChatError(sentence)
        return self._write(MEASURE, write_measure(measure), wall_ms, now)

    def checkpoint(self, keep: int, wall_ms: int, now: float) -> Draft:
        """A checkpoint that settles all but the last `keep` messages and measures."""
        moderation = self._restraints.moderation
        if moderation is None:
            raise ChatError(NO_OWNER)
        sentence = moderation.objection(self._key, Checkpoint("checkpoint"))
        if sentence is not None:
            raise ChatError(sentence)
        here = {message.place: message for message in (*self._history, *self._history.pinned)}
        places = sorted(here)
        before, kept = places[: max(0, len(places) - keep)], places[max(0, len(places) - keep) :]
        settled = max([*before[-1:], *[_before(place) for place in kept[:1]]], default=_before((1, b"", b"")))
        least = 0 if moderation.settled is None else moderation.settled[0]
        if not before and settled[0] <= least:
            raise ChatError(f"There is nothing to settle: no more than {keep} messages are here.")
        behind = {place[2]: here[place] for place in kept}
        followed = [id for message in behind.values() for id in message.header.follows if id not in behind]
        restated = moderation.restated(settled)
        known = dict.fromkeys([*restated.known, *followed])
        checkpoint = replace(restated, after=self._known(), known=tuple(known))
        body = write_checkpoint(checkpoint)
        if len(body) > MAX_BODY:
            raise ChatError(
                f"The checkpoint is too long: it has {len(body)} bytes, {MAX_BODY} is the most. It names"
                f" {checkpoint.people} people: let some back in, or make them no members, first."
            )
        return self._write(CHECKPOINT, body, wall_ms, now)

    def _may_write(self) -> None:
        sentence = self._restraints.silenced(self._key)
        if sentence is not None:
            raise ChatError(sentence)

    def _known(self) -> tuple[bytes, ...]:
        moderation = self._restraints.moderation
        return () if moderation is None else moderation.heads()

    def _checkpoint(self) -> list[SignedMessage]:
        """What a newcomer follows who has seen nothing else, so as to stand behind what is settled."""
        moderation = self._restraints.moderation
        rule = None if moderation is None else moderation.checkpoint
        message = None if rule is None else self._history.get(rule.id)
        return [] if message is None else [message]

    def _write(self, kind: int, body: bytes, wall_ms: int, now: float) -> Draft:
        """A message that follows the last ones. Raises ChatRateError when it is too early."""
        if self._bucket is None:
            self._bucket = Bucket(*self._rate, now)
        if not self._bucket.take(now):
            raise ChatRateError(self._bucket.ready() - now)
        heads = self._history.heads(MAX_FOLLOWS) or self._checkpoint()
        # The same words twice in a millisecond are still two messages.
        self._time = max(wall_ms, self._time + 1)
        clock = next_clock([head.header.clock for head in heads])
        follows = tuple(head.id for head in heads)
        return draft(self._room, self._key, clock, self._time, follows, body, kind)


def _before(place: Place) -> Place:
    """The last place that a message may have of those with a lesser clock: others may have some there."""
    return (place[0] - 1, b"\xff" * 32, b"\xff" * 32)
