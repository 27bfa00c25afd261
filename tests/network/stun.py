"""A STUN server for the bed: tells whoever asks from which address that came (RFC 8489, binding only)."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

from aioice import stun


class Answers(asyncio.DatagramProtocol):
    """Answers binding requests; what is no STUN message is left alone."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            request = stun.parse_message(data)
        except ValueError:
            return
        if request.message_method == stun.Method.BINDING and request.message_class == stun.Class.REQUEST:
            answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
            answer.attributes["XOR-MAPPED-ADDRESS"] = addr
            answer.add_fingerprint()
            self._transport.sendto(bytes(answer), addr)


async def main(host: str, port: int) -> None:
    """Until it is ended."""
    await asyncio.get_running_loop().create_datagram_endpoint(Answers, local_addr=(host, port))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
