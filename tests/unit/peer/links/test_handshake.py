"""Signed offers and answers: what is refused, and that the true ones are not."""

from __future__ import annotations

import msgspec
import pytest

from peer.identity import Identity
from peer.links.handshake import Handshake, HandshakeError
from signaling.protocol import Answer, Offer, RelayedAnswer, RelayedOffer, to_base64url

ROOM = "demo"
CONNECTION = b"\x01" * 8
FINGERPRINT = ":".join(["AB"] * 32)
OTHER_FINGERPRINT = ":".join(["CD"] * 32)


def sdp_with(*lines: str, section: str = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel") -> str:
    return "\r\n".join(["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", section, *lines, ""])


SDP = sdp_with(f"a=fingerprint:sha-256 {FINGERPRINT}")


class Side:
    def __init__(self, seed: int) -> None:
        self.identity = Identity(bytes([seed]) * 32)
        self.nonce = bytes([seed]) * 16
        self.handshake = Handshake(self.identity, ROOM, self.nonce)

    @property
    def id(self) -> bytes:
        return self.identity.id


@pytest.fixture
def alice() -> Side:
    return Side(1)


@pytest.fixture
def bob() -> Side:
    return Side(2)


def relayed_offer(offer: Offer, sender: bytes) -> RelayedOffer:
    return RelayedOffer(sender.hex(), offer.connection, offer.key, offer.nonce, offer.sdp, offer.signature)


def relayed_answer(answer: Answer, sender: bytes) -> RelayedAnswer:
    return RelayedAnswer(
        sender.hex(), answer.connection, answer.key, answer.nonce, answer.sdp, answer.signature
    )


def offer_of(alice: Side, bob: Side, sdp: str = SDP) -> RelayedOffer:
    return relayed_offer(alice.handshake.sign_offer(bob.id, bob.nonce, CONNECTION, sdp), alice.id)


def answer_of(bob: Side, alice: Side) -> RelayedAnswer:
    return relayed_answer(bob.handshake.sign_answer(alice.id, alice.nonce, CONNECTION, SDP), bob.id)


def test_offer_and_answer_are_accepted_by_whom_they_are_for(alice: Side, bob: Side) -> None:
    checked = bob.handshake.check_offer(offer_of(alice, bob))
    assert (checked.peer, checked.connection, checked.key) == (alice.id, CONNECTION, alice.identity.key)
    assert checked.sdp == SDP
    assert alice.handshake.check_answer(answer_of(bob, alice), bob.id, bob.nonce, CONNECTION).sdp == SDP


def test_swapped_fingerprint_is_refused(alice: Side, bob: Side) -> None:
    offer = offer_of(alice, bob)
    swapped = msgspec.structs.replace(offer, sdp=offer.sdp.replace(FINGERPRINT, OTHER_FINGERPRINT))
    with pytest.raises(HandshakeError, match="altered"):
        bob.handshake.check_offer(swapped)


def test_added_fingerprint_is_refused(alice: Side, bob: Side) -> None:
    offer = offer_of(alice, bob)
    added = msgspec.structs.replace(offer, sdp=offer.sdp + f"a=fingerprint:sha-256 {OTHER_FINGERPRINT}\r\n")
    with pytest.raises(HandshakeError, match="differ"):
        bob.handshake.check_offer(added)


def test_fingerprint_of_another_hash_is_taken_out(alice: Side, bob: Side) -> None:
    """The signature does not cover it, and a WebRTC stack may believe it."""
    offer = offer_of(alice, bob)
    added = msgspec.structs.replace(offer, sdp=offer.sdp + "a=fingerprint:sha-1 AB:CD\r\n")
    assert "sha-1" not in bob.handshake.check_offer(added).sdp


def test_missing_fingerprint_is_refused(alice: Side, bob: Side) -> None:
    offer = msgspec.structs.replace(offer_of(alice, bob), sdp=sdp_with())
    with pytest.raises(HandshakeError, match="no SHA-256 fingerprint"):
        bob.handshake.check_offer(offer)


def test_key_of_another_peer_is_refused(alice: Side, bob: Side) -> None:
    mallory = Side(3)
    offer = mallory.handshake.sign_offer(bob.id, bob.nonce, CONNECTION, SDP)
    with pytest.raises(HandshakeError, match="not the one of the peer"):
        bob.handshake.check_offer(relayed_offer(offer, alice.id))


def test_own_key_with_anothers_signature_is_refused(alice: Side, bob: Side) -> None:
    mallory = Side(3)
    offer = mallory.handshake.sign_offer(bob.id, bob.nonce, CONNECTION, SDP)
    claimed = msgspec.structs.replace(offer, key=to_base64url(alice.identity.key))
    with pytest.raises(HandshakeError, match="signature"):
        bob.handshake.check_offer(relayed_offer(claimed, alice.id))


def test_offer_for_somebody_else_is_refused(alice: Side, bob: Side) -> None:
    carol = Side(3)
    with pytest.raises(HandshakeError, match="signature"):
        carol.handshake.check_offer(offer_of(alice, bob))


def test_offer_for_an_earlier_session_of_ours_is_refused(alice: Side, bob: Side) -> None:
    restarted = Handshake(bob.identity, ROOM, b"\x77" * 16)
    with pytest.raises(HandshakeError, match="not new"):
        restarted.check_offer(offer_of(alice, bob))


def test_offer_of_another_room_is_refused(alice: Side, bob: Side) -> None:
    elsewhere = Handshake(bob.identity, "other", bob.nonce)
    with pytest.raises(HandshakeError, match="signature"):
        elsewhere.check_offer(offer_of(alice, bob))


def test_offer_under_another_connection_id_is_refused(alice: Side, bob: Side) -> None:
    offer = msgspec.structs.replace(offer_of(alice, bob), connection="02" * 8)
    with pytest.raises(HandshakeError, match="signature"):
        bob.handshake.check_offer(offer)


def test_offer_sent_back_as_an_answer_is_refused(alice: Side, bob: Side) -> None:
    offer = offer_of(bob, alice)
    answer = RelayedAnswer(offer.sender, offer.connection, offer.key, offer.nonce, offer.sdp, offer.signature)
    with pytest.raises(HandshakeError, match="signature"):
        alice.handshake.check_answer(answer, bob.id, bob.nonce, CONNECTION)


def test_answer_to_another_offer_is_refused(alice: Side, bob: Side) -> None:
    answer = answer_of(bob, alice)
    for peer, nonce, connection in (
        (Side(3).id, bob.nonce, CONNECTION),
        (bob.id, b"\x77" * 16, CONNECTION),
        (bob.id, bob.nonce, b"\x02" * 8),
    ):
        with pytest.raises(HandshakeError, match="another offer"):
            alice.handshake.check_answer(answer, peer, nonce, connection)


@pytest.mark.parametrize(
    "sdp",
    [
        sdp_with(f"a=fingerprint:sha-256 {FINGERPRINT}", section="m=audio 9 UDP/TLS/RTP/SAVPF 0"),
        SDP + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
        f"v=0\r\na=fingerprint:sha-256 {FINGERPRINT}\r\n",
    ],
)
def test_offer_of_more_than_data_channels_is_refused(alice: Side, bob: Side, sdp: str) -> None:
    with pytest.raises(HandshakeError, match="more than data channels"):
        bob.handshake.check_offer(offer_of(alice, bob, sdp))


@pytest.mark.parametrize("field", ["key", "nonce", "signature", "connection", "sender"])
def test_fields_that_are_no_bytes_are_refused(alice: Side, bob: Side, field: str) -> None:
    offer = msgspec.structs.replace(offer_of(alice, bob), **{field: "?" * 43})
    with pytest.raises(HandshakeError, match="cannot be used"):
        bob.handshake.check_offer(offer)
