"""What the introducer carries out of a room's moderation: only what is signed by those who may do it."""

from hashlib import sha256

from signaling.binary import from_base64url, peer_id
from signaling.chat_header import ChatHeader, ChatHeaderError, message_id, room_hash
from signaling.checkpoint import CHECKPOINT, read_checkpoint
from signaling.description import Verify
from signaling.measures import MEASURE, read_measure
from signaling.moderation import BANNED, KICKED, Moderation
from signaling.protocol import TAG_CHAT, ProtocolError, SignedMeasure

MAX_MEASURES = 256
MAX_OF_MODERATOR = 64
"""Less than peers keep: what the introducer leaves out, they carry out without it."""
KICKED_FOR = 600.0
"""Seconds for which somebody who was kicked is not let in."""
MAX_KICKED = 128


class Moderating:
    """The measures of the room `room`, whose owner has that key."""

    def __init__(self, room: str, owner: bytes, verify: Verify) -> None:
        self.moderation = Moderation(owner, MAX_MEASURES, MAX_OF_MODERATOR)
        self._room = room_hash(room)
        self._verify = verify
        self._kicked: dict[bytes, float] = {}

    def refusal(self, key: bytes, now: float) -> str | None:
        """Why that key is not let in; None if it is."""
        if self.moderation.state().is_banned(key):
            return BANNED
        if now < self._kicked.get(key, now):
            return KICKED
        return None

    def take(self, signed: SignedMeasure, now: float) -> str | None:
        """Take a measure. Returns the id of the peer that is to go because of it, if one is.

        Raises:
            ProtocolError: it is none, or nothing that its author may do.
        """
        try:
            data, signature, body = map(from_base64url, (signed.header, signed.signature, signed.body))
            header = ChatHeader.parse(data)
        except (ValueError, ChatHeaderError) as error:
            raise ProtocolError("malformed", str(error)) from error
        measure = read_checkpoint(body) if header.kind == CHECKPOINT else read_measure(body)
        if (
            header.kind not in (MEASURE, CHECKPOINT)
            or measure is None
            or sha256(body).digest() != header.body_hash
        ):
            raise ProtocolError("malformed", "What was sent is no measure of a room.")
        if header.room != self._room:
            raise ProtocolError("refused", "The measure is of another room.")
        id = message_id(data)
        if id in self.moderation or self.moderation.settles((header.clock, header.author, id)):
            return None
        if not self._verify(header.author, TAG_CHAT, data, signature):
            raise ProtocolError("signature", "The signature of the measure is not its author's.")
        sentence = self.moderation.take(id, header.author, header.clock, header.time, measure)
        if sentence is not None:
            raise ProtocolError("refused", sentence)
        subject = measure.subject
        if subject is None or measure.verb not in ("kick", "ban"):
            return None
        if measure.verb == "kick":
            self._kicked.pop(subject, None)
            self._kicked[subject] = now + KICKED_FOR
            if len(self._kicked) > MAX_KICKED:
                del self._kicked[next(iter(self._kicked))]
        return peer_id(subject).hex() if self.refusal(subject, now) else None
