"""How people write STUN and TURN servers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from peer.running import CommandError
from signaling.protocol import IceServer

_ICE = re.compile(
    r"(?P<scheme>stuns?|turns?):(?:(?P<user>[^:@/?]*):(?P<password>[^@/?]*)@)?(?P<rest>[^@\s]+)"
)


def parse_ice_servers(texts: Sequence[str]) -> tuple[IceServer, ...]:
    """`stun:host:port` and `turn:user:password@host:port?transport=tcp`. Raises CommandError."""
    servers = []
    for text in texts:
        match = _ICE.fullmatch(text)
        if match is None:
            raise CommandError(
                f"{text!r} is no ICE server: give stun:HOST:PORT or turn:USER:PASSWORD@HOST:PORT."
            )
        url = f"{match['scheme']}:{match['rest']}"
        if match["scheme"].startswith("turn") and match["user"] is None:
            raise CommandError(f"{text!r} needs credentials: give turn:USER:PASSWORD@HOST:PORT.")
        servers.append(IceServer([url], match["user"], match["password"]))
    return tuple(servers)
