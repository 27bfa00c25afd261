"""What introductions through neighbours ask of the shell, besides `Send`, `Verify`, `Reject` and `Links`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from peer.core.actions import Links, Reject, Send, Verify
from peer.peer_record import PeerRecord
from peer.wire_introductions import RelayAnswer, RelayCandidate, RelayOffer


@dataclass(frozen=True, slots=True)
class Sign:
    """Sign `body`, a record of oneself, with TAG_PEER, and answer with `signed(body, signature, now)`."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Acquaint:
    """Tell the link set of a peer by its record: a link to it is going to be wanted."""

    record: PeerRecord


@dataclass(frozen=True, slots=True)
class Mediated:
    """Neighbours can, or can no longer, pass offers on to `peer`."""

    peer: bytes
    possible: bool


@dataclass(frozen=True, slots=True)
class Hand:
    """Something that neighbours passed on is for us; `peer` is whom it claims to be from."""

    peer: bytes
    message: RelayOffer | RelayAnswer | RelayCandidate


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Our offer `connection` did not reach `peer`."""

    peer: bytes
    connection: bytes


IntroductionAction: TypeAlias = (
    Send | Verify | Reject | Links | Sign | Acquaint | Mediated | Hand | Undelivered
)
