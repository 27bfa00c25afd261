"""Signed offers and answers: what makes a connection belong to two peers, whoever relays it.

See docs/protocol.md section 5. Connection ids that were seen before are the link set's to refuse.
"""

from __future__ import annotations

from dataclasses import dataclass

from peer.identity import fingerprint, pinned_sdp
from peer.peer_record import signed_by_peer
from peer.signing import ANSWER, OFFER, TAG_LINK, TAG_PEER, Signer, link_payload, peer_id, verify
from signaling.protocol import Answer, Offer, RelayedAnswer, RelayedOffer, from_base64url, to_base64url


class HandshakeError(ValueError):
    """An offer or answer that must not be used; the message is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class CheckedDescription:
    """An offer or answer that its sender signed for us. `sdp` holds no fingerprint that is not covered."""

    peer: bytes
    connection: bytes
    key: bytes
    nonce: bytes
    sdp: str


class Handshake:
    """Signs and checks for one peer in one room. `nonce` (16 bytes) is the one of its hello."""

    def __init__(self, identity: Signer, room: str, nonce: bytes) -> None:
        self._identity = identity
        self._id = peer_id(identity.key)
        self.key = identity.key
        self.room = room
        self.nonce = nonce

    def sign_record(self, body: bytes) -> bytes:
        """The signature of a record of ourselves, for neighbours to tell."""
        return self._identity.sign(TAG_PEER, signed_by_peer(self.room, body))

    def sign_offer(self, peer: bytes, peer_nonce: bytes, connection: bytes, sdp: str) -> Offer:
        """The offer `sdp` to `peer`. Raises ValueError when the SDP has no usable fingerprint."""
        return Offer(
            to=peer.hex(),
            connection=connection.hex(),
            key=to_base64url(self._identity.key),
            nonce=to_base64url(self.nonce),
            sdp=sdp,
            signature=self._sign(OFFER, peer, peer_nonce, connection, sdp),
        )

    def sign_answer(self, peer: bytes, peer_nonce: bytes, connection: bytes, sdp: str) -> Answer:
        """The answer `sdp` to `peer`. Raises ValueError when the SDP has no usable fingerprint."""
        return Answer(
            to=peer.hex(),
            connection=connection.hex(),
            key=to_base64url(self._identity.key),
            nonce=to_base64url(self.nonce),
            sdp=sdp,
            signature=self._sign(ANSWER, peer, peer_nonce, connection, sdp),
        )

    def check_offer(self, offer: RelayedOffer) -> CheckedDescription:
        """Raises HandshakeError unless the sender signed this very offer for us and our nonce."""
        return self._check(OFFER, "offer", offer)

    def check_answer(
        self, answer: RelayedAnswer, peer: bytes, peer_nonce: bytes, connection: bytes
    ) -> CheckedDescription:
        """Raises HandshakeError unless `peer` signed `answer`, and to our offer of `connection`."""
        checked = self._check(ANSWER, "answer", answer)
        if (checked.peer, checked.nonce, checked.connection) != (peer, peer_nonce, connection):
            raise HandshakeError("The answer belongs to another offer.")
        return checked

    def _sign(self, kind: int, peer: bytes, peer_nonce: bytes, connection: bytes, sdp: str) -> str:
        payload = link_payload(
            kind, self.room, connection, self._id, peer, self.nonce, peer_nonce, fingerprint(sdp)
        )
        return to_base64url(self._identity.sign(TAG_LINK, payload))

    def _check(self, kind: int, name: str, message: RelayedOffer | RelayedAnswer) -> CheckedDescription:
        try:
            peer, connection = bytes.fromhex(message.sender), bytes.fromhex(message.connection)
            key, nonce = from_base64url(message.key), from_base64url(message.nonce)
            signature = from_base64url(message.signature)
            sdp = pinned_sdp(message.sdp)
            payload = link_payload(
                kind, self.room, connection, peer, self._id, nonce, self.nonce, fingerprint(sdp)
            )
        except ValueError as error:
            raise HandshakeError(f"The {name} cannot be used: {error}") from error
        if peer_id(key) != peer:
            raise HandshakeError(f"The key in the {name} is not the one of the peer that it comes from.")
        if not verify(key, TAG_LINK, payload, signature):
            raise HandshakeError(
                f"The signature of the {name} does not fit it: it was altered, or is not new."
            )
        sections = [line for line in sdp.split("\r\n") if line.startswith("m=")]
        if len(sections) != 1 or not sections[0].startswith("m=application "):
            raise HandshakeError(f"The {name} is for more than data channels.")
        return CheckedDescription(peer, connection, key, nonce, sdp)
