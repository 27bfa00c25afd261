"""Writes the golden vectors that both languages replay: `python -m tests.vectors.generate`.

Everything follows from fixed seeds; a change of these files is a change of the protocol. Bytes are hex. The
session descriptions in sdp/ were written by aiortc 1.16 and Chromium 156. Traces of the cores are written by
scripts of their own.
"""

from __future__ import annotations

import json

from tests.vectors import (
    description_samples,
    file_samples,
    identity_export_samples,
    identity_samples,
    introduction_samples,
    mention_samples,
    message_samples,
    part_samples,
    range_samples,
    thread_samples,
    typing_samples,
)
from tests.vectors.samples import FOLDER


def files() -> dict[str, bytes]:
    """Name and content of each file."""
    documents = {
        "identity.json": identity_samples.identities(),
        "fingerprints.json": identity_samples.fingerprints(),
        "merkle.json": part_samples.trees(),
        "seals.json": part_samples.seals(),
        "descriptions.json": description_samples.descriptions(),
        "messages.json": message_samples.messages(),
        "chat_headers.json": message_samples.chat_headers(),
        "files.json": file_samples.files(),
        "identity_exports.json": identity_export_samples.exports(),
        "typing.json": typing_samples.typing(),
        "threads.json": thread_samples.threads(),
        "mentions.json": mention_samples.mentions(),
        "ranges.json": range_samples.ranges(),
        "introductions.json": introduction_samples.introductions(),
    }
    encoded = {
        name: (json.dumps(document, indent=1, ensure_ascii=True) + "\n").encode()
        for name, document in documents.items()
    }
    return encoded | message_samples.files()


if __name__ == "__main__":
    for name, content in files().items():
        (FOLDER / name).write_bytes(content)
