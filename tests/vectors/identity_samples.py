"""identity.json and fingerprints.json: what is signed, and what binds an offer to its certificate."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from peer import identity
from peer.identity import Identity
from tests.vectors.samples import FOLDER, PUBLISHER, VIEWER, Json, pattern, plain


def identities() -> Json:
    seeds = [bytes(range(32)), sha256(b"viewer").digest(), bytes(32)]
    tags = (
        identity.TAG_SEAL,
        identity.TAG_STREAM,
        identity.TAG_JOIN,
        identity.TAG_LINK,
        identity.TAG_CHAT,
    )
    keys = [{"seed": seed, "key": Identity(seed).key, "peer_id": Identity(seed).id} for seed in seeds]
    signatures: list[dict[str, Any]] = [
        {
            "key": PUBLISHER.key,
            "tag": tag,
            "data": data,
            "signature": PUBLISHER.sign(tag, data),
        }
        for tag in tags
        for data in (b"", pattern(100))
    ]
    good = signatures[1]
    last = bytes([good["signature"][-1] ^ 1])
    damaged = {
        "another tag": good | {"tag": identity.TAG_CHAT},
        "another key": good | {"key": VIEWER.key},
        "other data": good | {"data": pattern(99)},
        "a flipped bit": good | {"signature": good["signature"][:-1] + last},
        "an empty signature": good | {"signature": b""},
        "a long signature": good | {"signature": good["signature"] + b"\0"},
        "a short key": good | {"key": PUBLISHER.key[:-1]},
        "a key that is no point": good | {"key": b"\x02" + bytes(31)},
        # S + L instead of S: RFC 8032 section 5.1.7 asks for S < L
        "a scalar that is too great": good | {"signature": malleated(good["signature"])},
    }
    braids = [
        ("demo", "main", "360p"),
        ("a", "b", "c"),
        ("ab", "c", "d"),
        ("a", "bc", "d"),
        ("x" * 64, "~", "0"),
    ]
    return plain(
        {
            "keys": keys,
            "signatures": signatures,
            "refused": [entry | {"name": name} for name, entry in damaged.items()],
            "braids": [
                {
                    "key": PUBLISHER.key,
                    "names": names,
                    "braid": identity.braid_id(PUBLISHER.key, *names),
                }
                for names in braids
            ],
            "joins": [join("demo"), join("A.very~long-room_name" * 3)],
            "links": [link(identity.OFFER, "demo"), link(identity.ANSWER, "demo"), link(identity.OFFER, "x")],
        }
    )


def malleated(signature: bytes) -> bytes:
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(signature[32:], "little") + order
    return signature[:32] + scalar.to_bytes(32, "little")


def join(room: str) -> Json:
    challenge, nonce = pattern(16, 1), pattern(16, 2)
    payload = identity.join_payload(room, challenge, VIEWER.key, nonce)
    return {
        "room": room,
        "challenge": challenge,
        "key": VIEWER.key,
        "nonce": nonce,
        "payload": payload,
        "signature": VIEWER.sign(identity.TAG_JOIN, payload),
    }


def link(kind: int, room: str) -> Json:
    arguments: dict[str, Any] = {
        "kind": kind,
        "room": room,
        "connection": pattern(8, 3),
        "from_id": VIEWER.id,
        "to_id": PUBLISHER.id,
        "from_nonce": pattern(16, 4),
        "to_nonce": pattern(16, 5),
        "fingerprint": pattern(32, 6),
    }
    payload = identity.link_payload(**arguments)
    signature = VIEWER.sign(identity.TAG_LINK, payload)
    return arguments | {"key": VIEWER.key, "payload": payload, "signature": signature}


def fingerprints() -> Json:
    samples = {path.stem: path.read_bytes().decode() for path in sorted((FOLDER / "sdp").glob("*.sdp"))}
    offer = samples["chromium-offer"]
    line = next(line for line in offer.split("\r\n") if line.startswith("a=fingerprint"))
    other = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)
    good = samples | {
        "the same one twice": offer.replace("v=0\r\n", f"v=0\r\n{line}\r\n"),
        "lower case": offer.replace(line, line.lower()),
        "upper case": offer.replace(line, line.replace("sha-256", "SHA-256")),
        "bare line feeds": offer.replace("\r\n", "\n"),
        "another hash function, last": offer.replace(
            line, line + "\r\na=fingerprint:sha-512 " + ":".join(["CD"] * 64)
        ),
        "two spaces": offer.replace(line, line.replace(" ", "  ")),
    }
    bad = {
        "no text": "",
        "no fingerprint": offer.replace(line + "\r\n", ""),
        "only another hash function": offer.replace(line, "a=fingerprint:sha-1 " + ":".join(["EF"] * 20)),
        "two that differ": offer.replace(line, f"{line}\r\n{other}"),
        "two that differ, one for the session": offer.replace("m=", f"{other}\r\nm="),
        "two that differ, one in upper case": offer.replace(
            line, f"{line}\r\n{other.replace('sha-256', 'SHA-256')}"
        ),
        "one behind a space": offer.replace(line, f"{line}\r\n {other}"),
        "one behind a tab": offer.replace(line, f"{line}\r\n\t{other}"),
        "an attribute in upper case": offer.replace(line, f"{line}\r\n{other.replace('a=', 'A=')}"),
        "one without a colon": offer.replace(line, f"{line}\r\n{other.replace(':sha', ' sha')}"),
        "one without a value": offer.replace(line, f"{line}\r\na=fingerprint"),
        "too short": offer.replace(line, line[:-3]),
        "too long": offer.replace(line, line + ":00"),
        "no hex": offer.replace(line, line[:-1] + "G"),
        "one behind a lone carriage return": offer.replace(line, f"{line}\r\na=x\r{other}"),
        "one behind a form feed": offer.replace(line, f"{line}\r\na=x\f{other}"),
        "one behind a line separator": offer.replace(line, f"{line}\r\na=x\u2028{other}"),
        "one behind a next line": offer.replace(line, f"{line}\r\na=x\u0085{other}"),
        "a NUL": offer + "\0",
        "a letter outside ASCII": offer.replace("s=-", "s=ä"),
    }
    return {
        "good": [
            {
                "name": name,
                "sdp": sdp,
                "fingerprint": identity.fingerprint(sdp).hex(),
                "pinned": identity.pinned_sdp(sdp),
            }
            for name, sdp in good.items()
        ],
        "bad": [{"name": name, "sdp": sdp} for name, sdp in bad.items()],
    }
