"""What an introducer's client tells the peer that uses it, and the address that it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit, urlunsplit

from signaling.errors import ToldError
from signaling.protocol import (
    Answer,
    Candidate,
    ErrorMessage,
    Introduce,
    Joined,
    Left,
    Moderate,
    Neighbours,
    Offer,
    Plan,
    RelayedAnswer,
    RelayedCandidate,
    RelayedOffer,
    Report,
    Stream,
    Welcome,
)

REFUSALS = frozenset({"refused", "room-full", "signature", "version", "duplicate"})


class IntroducerError(ToldError):
    """The introducer will not have us: trying again is no use. `sentence` is for a person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.refused = code in REFUSALS


@dataclass(frozen=True, slots=True)
class Up:
    """We are in the room. `resumed`: in the place that we had, so that nothing was lost but time."""

    welcome: Welcome
    resumed: bool


@dataclass(frozen=True, slots=True)
class Down:
    """The introducer is away for now; the sentence says why. It is tried again in `retry` seconds."""

    sentence: str
    retry: float


Event: TypeAlias = (
    Up
    | Down
    | Joined
    | Left
    | Stream
    | Introduce
    | Plan
    | RelayedOffer
    | RelayedAnswer
    | RelayedCandidate
    | ErrorMessage
)
Fleeting: TypeAlias = Offer | Answer | Candidate | Report | Neighbours | Moderate
"""Messages that are worth something now or not at all."""


def websocket_url(server: str) -> str:
    """The address of `/ws` at an introducer given as `http(s)://host:port`, `ws(s)://…` or `host:port`.

    Raises IntroducerError with the code `address` when it is none of these.
    """
    parts = urlsplit(server if "://" in server else f"http://{server}")
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    try:
        usable = scheme is not None and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or scheme is None:
        raise IntroducerError(
            "address", f"{server} is no address of an introducer: give one such as http://host:8000."
        )
    path = parts.path.rstrip("/")
    return urlunsplit((scheme, parts.netloc, path if path.endswith("/ws") else path + "/ws", "", ""))
