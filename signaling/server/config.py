"""What an introducer is told when it starts."""

from dataclasses import dataclass, field
from pathlib import Path

from signaling.core.limits import Limits
from signaling.errors import ToldError
from signaling.protocol import IceServer

PAGES = Path(__file__).parent.parent / "pages"


class SignalingError(ToldError):
    """The introducer cannot do what it was asked; the message is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Config:
    """Where to listen, what to tell peers, how much to take from them. Port 0 is any free one."""

    host: str = "127.0.0.1"
    port: int = 8000
    ice_servers: tuple[IceServer, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    limits: Limits = field(default_factory=Limits)
    pages: Path = PAGES
