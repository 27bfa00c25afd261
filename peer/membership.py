"""What every command that joins a room is told: where, as whom, and how to get there."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from peer.api import Peer
from peer.chat_retention import Retention
from peer.core.neighbour import Role
from peer.file_session import QUOTA
from peer.ice_servers import parse_ice_servers
from peer.identity import Identity
from peer.running import CommandError
from signaling.protocol import IceServer, from_base64url, to_base64url

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")


@dataclass(frozen=True, slots=True)
class Membership:
    """The options that all peers take."""

    server: str
    room: str
    token: str | None = None
    key_file: Path | None = None
    ice_servers: tuple[IceServer, ...] = ()

    def prepare(
        self,
        role: Role,
        *,
        name: str = "",
        carries: bool = True,
        publisher_key: bytes | None = None,
        store: Path | None = None,
        retention: Retention | None = None,
        owner: str | None = None,
        file_quota: int = QUOTA,
    ) -> Peer:
        """A peer that joins when its block begins.

        `owner` is a key, a link that pins one, or `me`. Raises IdentityError when the key file
        cannot be used, CommandError when the owner is none of these.
        """
        identity = Identity.generate() if self.key_file is None else Identity.load_or_create(self.key_file)
        return Peer.join(
            self.server,
            self.room,
            self.token,
            identity,
            role=role,
            name=name,
            carries=carries,
            publisher_key=publisher_key,
            ice_servers=self.ice_servers,
            store=store,
            retention=retention,
            file_quota=file_quota,
            owner=None if owner is None else parse_owner(owner, identity.key),
        )


def owned_url(place: Membership, peer: Peer) -> str:
    """The address of the room's chat that pins this peer as its owner."""
    key = to_base64url(peer.node.identity.key)
    return f"{place.server.rstrip('/')}/chat/{place.room}#owner={key}"


def parse_owner(text: str, own: bytes) -> bytes:
    """The key (32 bytes) of a room's owner: base64url, a link with `#owner=` or `#key=`, or `me`.

    Raises CommandError.
    """
    if text == "me":
        return own
    fields = parse_qs(urlsplit(text).fragment)
    named = [*fields.get("owner", []), *fields.get("key", [])] or [text]
    try:
        key = from_base64url(named[0])
    except ValueError:
        key = b""
    if len(key) != 32:
        raise CommandError(f"{text[:200]!r} names no owner: give the link that the owner gave you, or me.")
    return key


def membership(
    server: str,
    room: str,
    token: str | None,
    token_file: Path | None,
    key_file: Path | None,
    ice_servers: Sequence[str],
) -> Membership:
    """Check the options. Raises CommandError with one sentence."""
    if token_file is not None:
        try:
            token = token_file.read_text().strip()
        except OSError as error:
            raise CommandError(f"The token file {token_file} cannot be read: {error.strerror}.") from error
    return Membership(server, name(room, "room"), token, key_file, parse_ice_servers(ice_servers))


def name(text: str, what: str) -> str:
    """A room or stream name. Raises CommandError."""
    if NAME.fullmatch(text) is None:
        raise CommandError(
            f"{text!r} is no {what} name: use 1 to 64 letters, digits and . _ ~ -, a letter or digit first."
        )
    return text


def state_file(file: str) -> Path:
    """Where a key is kept that nobody named a place for."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "braidcast" / file
