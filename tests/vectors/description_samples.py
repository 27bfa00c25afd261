"""descriptions.json: what a publisher says about its stream."""

from __future__ import annotations

import msgspec

from peer import identity
from peer.description import Rendition, StreamDescription, init_text, sign_description
from tests.vectors.samples import PUBLISHER, VIEWER, Json, pattern


def descriptions() -> Json:
    rendition = Rendition(
        id="360p",
        codecs="avc1.42c01e,opus",
        width=640,
        height=360,
        frame_rate=29.97,
        bandwidth=896_000,
        stripes=4,
        inits=(init_text(pattern(100)), init_text(pattern(101))),
    )
    live = StreamDescription(
        room="demo",
        stream="main",
        title="Grüße 🎥 \u2028",
        state="live",
        epoch=91234567,
        revision=3,
        part_duration=0.1,
        origins=("http://host:8000/live/demo/main", "/live/demo/main"),
        renditions=(rendition, msgspec.structs.replace(rendition, id="audio", width=0, height=0, inits=())),
    )
    ended = msgspec.structs.replace(live, state="ended", origins=(), renditions=(), title="")
    text = msgspec.json.encode(live)

    def signed(json_text: bytes) -> bytes:
        return PUBLISHER.key + PUBLISHER.sign(identity.TAG_STREAM, json_text) + json_text

    def swapped(old: str, new: str) -> bytes:
        assert old.encode() in text, old
        return signed(text.replace(old.encode(), new.encode(), 1))

    whole = sign_description(PUBLISHER, live)
    good = {
        "live": (whole, live),
        "ended": (sign_description(PUBLISHER, ended), ended),
        "unknown fields": (swapped('"room"', '"later":{"room":[1,null]},"room"'), live),
        "spaces": (signed(b" " + text.replace(b',"', b' ,\n "') + b"\n"), live),
    }
    bad = {
        "no bytes": b"",
        "key and signature only": whole[:96],
        "a flipped bit": whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:],
        "another key": VIEWER.key + whole[32:],
        "a tag for another purpose": PUBLISHER.key + PUBLISHER.sign(identity.TAG_CHAT, text) + text,
        "more than 32 KiB": signed(text + b" " * 32768),
        "no JSON": signed(text[:-1]),
        "more than JSON": signed(text + b"{}"),
        "a list": signed(b"[]"),
        "null": signed(b"null"),
        "a byte order mark": signed(b"\xef\xbb\xbf" + text),
        "no UTF-8": signed(text.replace(b"Gr", b"\xff\xfe")),
        "NaN": swapped("0.1", "NaN"),
        "version 2": swapped('"version":1', '"version":2'),
        "no version": swapped('"version":1', '"versio":1'),
        "a text for a version": swapped('"version":1', '"version":"1"'),
        "no room": swapped('"room"', '"roo"'),
        "a room with a slash": swapped('"demo"', '"de/mo"'),
        "an empty stream": swapped('"main"', '""'),
        "a stream that ends in a line feed": swapped('"main"', '"main\\n"'),
        "a long title": swapped("Gr", "x" * 260),
        "half a surrogate pair": swapped("Gr", "\\ud800"),
        "an unknown state": swapped('"live"', '"paused"'),
        "a negative epoch": swapped("91234567", "-1"),
        "a great epoch": swapped("91234567", "4294967296"),
        "a fractional revision": swapped('"revision":3', '"revision":3.5'),
        "a part of no length": swapped('"part_duration":0.1', '"part_duration":0'),
        "a part that is too long": swapped('"part_duration":0.1', '"part_duration":10.01'),
        "an origin that is a number": swapped('"/live/demo/main"', "7"),
        "an origin that is empty": swapped('"/live/demo/main"', '""'),
        "two renditions with one id": swapped('"audio"', '"360p"'),
        "a rendition that is null": swapped('"renditions":[', '"renditions":[null,'),
        "a rendition that is a list": swapped('"renditions":[', '"renditions":[[],'),
        "no stripes": swapped('"stripes":4', '"stripes":0'),
        "17 stripes": swapped('"stripes":4', '"stripes":17'),
        "a wide picture": swapped('"width":640', '"width":65536'),
        "a null height": swapped('"height":360', '"height":null'),
        "a fast picture": swapped('"frame_rate":29.97', '"frame_rate":1001'),
        "a great bandwidth": swapped('"bandwidth":896000', '"bandwidth":4294967296'),
        "an init segment with padding": swapped('"inits":[', '"inits":["AA==",'),
        "an init segment of one digit": swapped('"inits":[', '"inits":["A",'),
        "an init segment with stray bits": swapped('"inits":[', '"inits":["AB",'),
        "an init segment that is true": swapped('"inits":[', '"inits":[true,'),
    }
    return {
        "key": PUBLISHER.key.hex(),
        "good": [
            {"name": name, "raw": raw.hex(), "description": msgspec.to_builtins(value)}
            for name, (raw, value) in good.items()
        ],
        "bad": [{"name": name, "raw": raw.hex()} for name, raw in bad.items()],
    }
