"""Addresses that people are shown, and those of this machine."""

from __future__ import annotations

import socket

from signaling.protocol import to_base64url


def watch_url(server: str, room: str, key: bytes, stream: str = "main") -> str:
    """The address of the room's page, with the publisher's key pinned in its fragment."""
    extra = "" if stream == "main" else f"&stream={stream}"
    return f"{server.rstrip('/')}/watch/{room}#key={to_base64url(key)}{extra}"


def free_port(host: str) -> int:
    """A port that nobody listens on at the moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def lan_address() -> str:
    """This machine's address on its own network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
