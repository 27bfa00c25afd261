"""Texts in which people are meant by name: what they say, and how they are written."""

from __future__ import annotations

from typing import Any

from peer.core.chat_mentions import Mention, handles, mentioned, pieces, readable, written

ANA, BOB, CY, OTHER_ANA, NOBODY = (digit * 32 for digit in "abc9d")
PEOPLE = {ANA: "Ana", BOB: "Bob B.", CY: " Čy [x] ", OTHER_ANA: "ana", NOBODY: ""}
ALONE = {ANA: "Ana", BOB: "Bob", CY: "Bob B."}

TEXTS = [
    "",
    "nobody is meant",
    f"@[Ana]({ANA}) and @[Bob B.]({BOB}), and again @[An]({ANA})",
    f"@[Ana]({ANA})@[Bob]({BOB})",
    f"two\nlines for @[Zoë 🎈]({ANA})!",
    f"@[]({ANA}) @[a[b]({ANA}) @[a]b]({ANA}) @[a\nb]({ANA})",
    f"@[{'n' * 64}]({ANA}) @[{'n' * 65}]({ANA}) @[{'🎈' * 64}]({ANA})",
    f"@[Ana]({ANA.upper()}) @[Ana]({ANA}0) @[Ana]({ANA[:31]}) [Ana]({ANA})",
]
TYPED = [
    ("@Ana hello", ALONE),
    ("hello @ana", ALONE),
    ("(@ANA), @Bob B.! @Bob? @bob", ALONE),
    ("mail@Ana.example @Anastasia @Ana1 é@Ana \U0001d49c@Ana @Ana\U0001d49c @Ana_b @", ALONE),
    ("@Ana@Bob @@Ana", ALONE),
    (f"@[Ana]({ANA}) stays, @Bob comes", ALONE),
    ("@Ana nobody alone; @Ana (aaaaaaaa) @ana (99999999) @Čy [x] @dddddddd", PEOPLE),
    ("@Ana", {}),
]


def mentions() -> dict[str, Any]:
    """The document `mentions.json`."""
    return {
        "read": [
            {
                "text": text,
                "pieces": [
                    piece if isinstance(piece, str) else {"name": piece.name, "peer": piece.peer}
                    for piece in pieces(text)
                ],
                "mentioned": mentioned(text),
                "readable": readable(text, _called),
            }
            for text in TEXTS
        ],
        "written": [
            {
                "text": text,
                "people": list(people.items()),
                "handles": list(handles(people).items()),
                "written": written(text, people),
            }
            for text, people in TYPED
        ],
    }


def _called(mention: Mention) -> str:
    return "Ana, of late" if mention.peer == ANA else mention.name
