"""Three things about ICE that aiortc 1.16 does not let one choose.

A STUN or TURN server that does not answer would hold back every offer and every answer for 5 s, more together
than the set-up of a link may take. Who is cancelled while sockets are opened leaves them open. And a
connection that is closed within 20 ms of its last check asks for consent (RFC 7675) for ever, of nobody.
"""

from __future__ import annotations

import asyncio

from aioice import Candidate
from aiortc import RTCSctpTransport

GATHER_TIMEOUT = 2
"""Seconds; several round trips to a TURN server over TLS fit."""
TURNS_TO_OPEN = 10
"""Turns of the event loop within which a socket is open: three, bound to an address and not to a name."""


def bound_ice(sctp: RTCSctpTransport) -> None:
    """Gather for GATHER_TIMEOUT at most, leave no socket when cancelled, and no task when closed."""
    connection = sctp.transport.transport.iceGatherer._connection
    gather_all, query_consent = connection.get_component_candidates, connection.query_consent

    async def gather(component: int, addresses: list[str], timeout: int = GATHER_TIMEOUT) -> list[Candidate]:
        # The time-out has a default that nobody passes on, down to where the connection calls its own method.
        gathering = asyncio.ensure_future(gather_all(component, addresses, timeout))
        try:
            return await asyncio.shield(gathering)
        except asyncio.CancelledError:
            # Until all of its own addresses have one, no socket belongs to the connection, which closes them.
            turns = TURNS_TO_OPEN * (len(addresses) + 1)
            while turns and not gathering.done() and not connection._protocols:
                await asyncio.sleep(0)
                turns -= 1
            gathering.cancel()
            await asyncio.wait([gathering])
            raise

    async def query_consent_while_open() -> None:
        if not connection._closing:
            await query_consent()

    connection.get_component_candidates = gather  # type: ignore[method-assign]
    connection.query_consent = query_consent_while_open  # type: ignore[method-assign]
