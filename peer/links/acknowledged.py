"""How far the other side has acknowledged what was said, which aiortc 1.16 does not tell.

`bufferedAmount` leaves out what was handed to SCTP, and stays as it is while a long message is on its way.
"""

from __future__ import annotations

from aiortc import RTCSctpTransport


def last_acknowledged(sctp: RTCSctpTransport) -> int:
    """A number that changes with each acknowledgement (RFC 9260 section 3.3.4: the cumulative TSN)."""
    return sctp._last_sacked_tsn


def all_acknowledged(sctp: RTCSctpTransport) -> bool:
    """Whether nothing waits to be sent or acknowledged."""
    return not (sctp._data_channel_queue or sctp._outbound_queue or sctp._sent_queue)
