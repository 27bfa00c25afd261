"""Identities as they are taken to another device."""

from __future__ import annotations

from typing import Any

from peer.identity import Identity
from peer.identity_export import export_identity

SEED, SALT, NONCE = bytes(range(32)), bytes(range(100, 116)), bytes(range(200, 212))


def exports() -> list[dict[str, Any]]:
    """The document `identity_exports.json`."""
    return [
        {
            "passphrase": passphrase,
            "salt": SALT.hex(),
            "nonce": NONCE.hex(),
            "seed": SEED.hex(),
            "peer_id": Identity(SEED).id.hex(),
            "text": export_identity(SEED, passphrase, salt=SALT, nonce=NONCE),
        }
        # The second one is typed by a keyboard that composes nothing.
        for passphrase in ("correct horse battery", "scho\u0308n \U0001f388 \ufb01ne!")
    ]
