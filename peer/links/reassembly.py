"""A bound on what a stranger may leave half sent, which aiortc 1.16 does not have.

aiortc announces a receive window (RFC 9260 section 3.3.2) but stores whatever comes beyond it: a message
whose last fragment never comes would grow for ever.
"""

from __future__ import annotations

from collections.abc import Callable

from aiortc import RTCSctpTransport
from aiortc.rtcsctptransport import DataChunk

WINDOW_EXCESS = 256 * 1024
"""Bytes beyond the announced window that retransmissions and probes of a decent sender may take."""


def bound_reassembly(sctp: RTCSctpTransport, exceeded: Callable[[], None]) -> None:
    """Have `exceeded` called, and fragments dropped, once those that wait are too many."""
    receive = sctp._receive_data_chunk

    async def receive_within_bounds(chunk: DataChunk) -> None:
        if sctp._advertised_rwnd < -WINDOW_EXCESS:
            exceeded()
            return
        await receive(chunk)

    # The transport is made inside the peer connection, so that a subclass cannot take its place.
    sctp._receive_data_chunk = receive_within_bounds  # type: ignore[method-assign]
