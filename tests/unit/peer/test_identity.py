"""Keys last, signatures bind what they should, and no fingerprint hides in a session description."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from peer import identity as subject
from peer.identity import Identity, IdentityError, fingerprint, pinned_sdp

# RFC 8032 section 7.1, test 2
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
KEY = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")


def test_key_is_that_of_the_rfc() -> None:
    me = Identity(SEED)
    assert me.key == KEY
    assert me.id == sha256(KEY).digest()[:16]


def test_two_generated_identities_differ() -> None:
    assert Identity.generate().key != Identity.generate().key


def test_signature_for_one_purpose_means_nothing_for_another() -> None:
    tags = (subject.TAG_SEAL, subject.TAG_STREAM, subject.TAG_JOIN, subject.TAG_LINK, subject.TAG_CHAT)
    assert len(set(tags)) == 5
    signature = Identity(SEED).sign(subject.TAG_JOIN, b"data")
    assert [subject.verify(KEY, tag, b"data", signature) for tag in tags] == [
        False,
        False,
        True,
        False,
        False,
    ]


@given(st.binary(max_size=70), st.binary(max_size=70))
def test_verify_says_no_to_whatever_bytes(key: bytes, signature: bytes) -> None:
    assert not subject.verify(key, subject.TAG_CHAT, b"data", signature)
    assert not subject.verify(KEY, subject.TAG_CHAT, b"data", signature)


def test_identity_is_the_same_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "peer.pem"
    first = Identity.load_or_create(path)
    assert Identity.load_or_create(str(path)).key == first.key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert os.listdir(path.parent) == ["peer.pem"]


def test_raw_seed_is_a_key_file(tmp_path: Path) -> None:
    path = tmp_path / "seed"
    path.write_bytes(SEED)
    assert Identity.load_or_create(path).key == KEY
    assert path.read_bytes() == SEED


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "peer.pem"
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: Identity.load_or_create(path).key, range(8)))
    assert len(set(keys)) == 1
    assert os.listdir(tmp_path) == ["peer.pem"]


def encrypted() -> bytes:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


def elliptic() -> bytes:
    return generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds neither"),
        (b"-----BEGIN PRIVATE KEY-----\nnonsense", "holds neither"),
        (bytes(33), "holds neither"),
        (encrypted(), "holds neither"),
        (elliptic(), "not an Ed25519 key"),
    ],
)
def test_unusable_key_file_is_named_in_a_sentence_and_kept(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "peer.pem"
    path.write_bytes(content)
    with pytest.raises(IdentityError, match=sentence) as caught:
        Identity.load_or_create(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_key_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="cannot be used: Is a directory"):
        Identity.load_or_create(tmp_path)


def test_braid_ids_depend_on_every_name_and_where_it_ends() -> None:
    names = [("a", "b", "c"), ("ab", "", "c"), ("a", "bc", ""), ("a", "b", "d")]
    ids = {subject.braid_id(KEY, *name) for name in names} | {subject.braid_id(SEED, "a", "b", "c")}
    assert len(ids) == 5
    assert {len(braid) for braid in ids} == {8}


LINK = (1, "demo", bytes(8), bytes(16), bytes(16), bytes(16), bytes(16), bytes(32))


def test_link_payload_is_what_the_protocol_says() -> None:
    assert subject.link_payload(*LINK) == b"\x01\x04demo" + bytes(8 + 16 * 4 + 32)


@pytest.mark.parametrize("field", range(2, 8))
def test_link_payload_takes_no_field_of_another_size(field: int) -> None:
    fields = list(LINK)
    fields[field] = bytes(40)
    with pytest.raises(ValueError, match="wrong size"):
        subject.link_payload(*fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "room"), [(0, "demo"), (3, "demo"), (1, "x" * 256)])
def test_link_payload_takes_no_other_kind_or_endless_room(kind: int, room: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        subject.link_payload(kind, room, *LINK[2:])


LINE = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)
OTHER = "a=fingerprint:sha-256 " + ":".join(["CD"] * 32)


def test_fingerprint_is_read_whatever_its_case_and_line_ends() -> None:
    assert fingerprint(f"v=0\r\n{LINE}\r\nm=x\r\n{LINE}\r\n") == b"\xab" * 32
    assert fingerprint(f"v=0\n{LINE.lower().replace('sha-256', 'SHA-256')}") == b"\xab" * 32


@pytest.mark.parametrize(
    ("sdp", "sentence"),
    [
        ("", "no SHA-256 fingerprint"),
        ("v=0\r\na=fingerprint:sha-512 AB:CD\r\n", "no SHA-256 fingerprint"),
        (f"{LINE}\r\n{OTHER}\r\n", "differ"),
        (f"{LINE}\r\n{OTHER.replace('sha-256', 'ShA-256')}\r\n", "differ"),
        ("a=fingerprint:sha-256 AB:CD\r\n", "not 32 bytes"),
        (f"{LINE}\r\n {OTHER}\r\n", "cannot be read"),
        (f"{LINE}\r\n{OTHER.replace('a=', 'A=')}\r\n", "cannot be read"),
        (f"{LINE}\r\n{OTHER}:\r\n", "cannot be read"),
        (f"{LINE}\r\na=fingerprint\r\n", "cannot be read"),
        (f"{LINE}\r\na=x\r{OTHER}\r\n", "do not belong there"),
        (f"{LINE}\r\na=x\x0b{OTHER}\r\n", "do not belong there"),
        (f"{LINE}\r\na=x\u2028{OTHER}\r\n", "do not belong there"),
        (f"{LINE}\r\na=x\x00\r\n", "do not belong there"),
    ],
)
def test_sdp_whose_fingerprint_is_in_doubt_is_refused(sdp: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fingerprint(sdp)
    with pytest.raises(ValueError, match=sentence):
        pinned_sdp(sdp)


def test_pinned_sdp_has_the_signed_fingerprint_only() -> None:
    sdp = f"v=0\r\n{LINE}\r\na=fingerprint:sha-512 AB:CD\r\na=setup:active\r\n"
    assert pinned_sdp(sdp) == f"v=0\r\n{LINE}\r\na=setup:active\r\n"


@pytest.mark.asyncio
async def test_fingerprint_of_a_real_offer_is_that_of_its_certificate() -> None:
    offerer, answerer = RTCPeerConnection(), RTCPeerConnection()
    try:
        offerer.createDataChannel("control", negotiated=True, id=0)
        await offerer.setLocalDescription(await offerer.createOffer())
        sdp = offerer.localDescription.sdp
        assert "sha-512" in sdp  # aiortc writes three: the reason for pinned_sdp
        expected = bytes.fromhex(
            next(line for line in sdp.splitlines() if "sha-256" in line).split()[1].replace(":", "")
        )
        assert fingerprint(sdp) == expected
        pinned = pinned_sdp(sdp)
        assert "sha-512" not in pinned
        assert fingerprint(pinned) == expected
        await answerer.setRemoteDescription(RTCSessionDescription(pinned, "offer"))
        await answerer.setLocalDescription(await answerer.createAnswer())
        assert len(fingerprint(answerer.localDescription.sdp)) == 32
    finally:
        await offerer.close()
        await answerer.close()


FOLDER = Path(__file__).parents[2] / "vectors"
VECTORS = json.loads((FOLDER / "identity.json").read_text())
FINGERPRINTS = json.loads((FOLDER / "fingerprints.json").read_text())


def raw(vector: dict[str, Any], *names: str) -> list[bytes]:
    return [bytes.fromhex(vector[name]) for name in names]


@pytest.mark.parametrize("vector", VECTORS["keys"])
def test_golden_seed_gives_its_key_and_id(vector: dict[str, Any]) -> None:
    seed, key, peer = raw(vector, "seed", "key", "peer_id")
    assert (Identity(seed).key, Identity(seed).id, subject.peer_id(key)) == (key, peer, peer)


@pytest.mark.parametrize("vector", VECTORS["signatures"])
def test_golden_signature_is_made_and_verified(vector: dict[str, Any]) -> None:
    key, tag, data, signature = raw(vector, "key", "tag", "data", "signature")
    assert Identity(bytes(range(32))).sign(tag, data) == signature
    assert subject.verify(key, tag, data, signature)


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: str(vector["name"]))
def test_golden_signature_with_a_fault_is_refused(vector: dict[str, Any]) -> None:
    assert not subject.verify(*raw(vector, "key", "tag", "data", "signature"))


@pytest.mark.parametrize("vector", VECTORS["braids"])
def test_golden_braid_id(vector: dict[str, Any]) -> None:
    assert subject.braid_id(bytes.fromhex(vector["key"]), *vector["names"]).hex() == vector["braid"]


@pytest.mark.parametrize("vector", VECTORS["joins"])
def test_golden_join_is_signed(vector: dict[str, Any]) -> None:
    challenge, key, nonce, payload, signature = raw(
        vector, "challenge", "key", "nonce", "payload", "signature"
    )
    assert subject.join_payload(vector["room"], challenge, key, nonce) == payload
    assert subject.verify(key, subject.TAG_JOIN, payload, signature)


@pytest.mark.parametrize("vector", VECTORS["links"])
def test_golden_link_is_signed(vector: dict[str, Any]) -> None:
    names = ("connection", "from_id", "to_id", "from_nonce", "to_nonce", "fingerprint")
    key, payload, signature = raw(vector, "key", "payload", "signature")
    assert subject.link_payload(vector["kind"], vector["room"], *raw(vector, *names)) == payload
    assert subject.verify(key, subject.TAG_LINK, payload, signature)


@pytest.mark.parametrize("vector", FINGERPRINTS["good"], ids=lambda vector: str(vector["name"]))
def test_golden_fingerprint_is_read(vector: dict[str, Any]) -> None:
    assert fingerprint(vector["sdp"]).hex() == vector["fingerprint"]
    assert pinned_sdp(vector["sdp"]) == vector["pinned"]


@pytest.mark.parametrize("vector", FINGERPRINTS["bad"], ids=lambda vector: str(vector["name"]))
def test_golden_sdp_whose_fingerprint_is_in_doubt_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        fingerprint(vector["sdp"])
    with pytest.raises(ValueError, match=r"\.$"):
        pinned_sdp(vector["sdp"])
