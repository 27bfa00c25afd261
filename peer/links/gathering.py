"""A bound on how long candidates are gathered, which aiortc 1.16 does not let one choose.

A STUN or TURN server that does not answer would hold back every offer and every answer for 5 s, more together
than the set-up of a link may take.
"""

from __future__ import annotations

from functools import partial

from aiortc import RTCSctpTransport

GATHER_TIMEOUT = 2
"""Seconds; several round trips to a TURN server over TLS fit."""


def bound_gathering(sctp: RTCSctpTransport) -> None:
    """Go on after GATHER_TIMEOUT with the candidates that there are."""
    connection = sctp.transport.transport.iceGatherer._connection
    gather = partial(connection.get_component_candidates, timeout=GATHER_TIMEOUT)
    # The time-out has a default that nobody passes on, down to where the connection calls its own method.
    connection.get_component_candidates = gather  # type: ignore[method-assign]
