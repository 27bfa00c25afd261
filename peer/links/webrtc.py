"""Links by aiortc: one RTCPeerConnection for each peer, with two negotiated data channels.

aiortc gathers all candidates before an offer or answer is complete, so none of ours are trickled; those of
the other side are taken as they come.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias

from aiortc import (
    InvalidStateError,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.rtcicetransport import parse_stun_turn_uri
from aiortc.sdp import candidate_from_sdp

from peer.core.link_actions import FAILED, LOST, PROTOCOL_ERROR
from peer.links.acknowledged import all_acknowledged, last_acknowledged
from peer.links.handshake import CheckedDescription, Handshake, HandshakeError
from peer.links.ice import bound_ice
from peer.links.link import CHANNELS, LOW_WATER, Channel, LinkEvents
from peer.links.reassembly import bound_reassembly
from peer.links.retransmission import bound_retransmission
from peer.links.session import Phase, SessionLink
from peer.wire import MAX_MESSAGE, TOO_LARGE, Hello
from signaling.protocol import Answer, IceServer, Offer, RelayedAnswer, RelayedCandidate

logger = logging.getLogger(__name__)

CANDIDATE_LIMIT = 64
ANSWER_TIMEOUT = 30.0  # s; the link set gives up much sooner: this is for a link that its owner forgot
ANSWER_TO_BYE_TIMEOUT = 0.3  # s, once the other side has BYE
STANDSTILL_TIMEOUT = 1.5
"""Seconds without an acknowledgement of what was said before BYE: longer than SCTP waits (RFC 9260 section
6.3.1: a second) before it sends anew what was lost."""
FREE_TIMEOUT = 5.0

Signal: TypeAlias = Callable[[Offer | Answer], object]


class WebRtcLinks:
    """Makes links for one peer in one room, and frees them: `close()` leaves no task, socket or thread.

    `signal` is called with each offer and answer that the introducer is to relay. Everything belongs to the
    thread of the event loop.
    """

    def __init__(
        self, handshake: Handshake, signal: Signal, hello: Hello, ice_servers: Iterable[IceServer] = ()
    ) -> None:
        self.handshake = handshake
        self.signal = signal
        self.hello = hello
        self.set_ice_servers(ice_servers)
        self._tasks: dict[asyncio.Task[None], WebRtcLink] = {}

    def set_ice_servers(self, servers: Iterable[IceServer]) -> None:
        """STUN and TURN servers for links that begin from now on. aiortc uses the first one of each kind."""
        self._ice_servers = [
            RTCIceServer(urls=usable, username=server.username, credential=server.credential)
            for server in servers
            if (usable := list(filter(_usable, server.urls)))
        ]

    def connect(self, peer: bytes, peer_nonce: bytes, connection: bytes, events: LinkEvents) -> WebRtcLink:
        """Begin a link to `peer`: make and signal an offer, and wait for `take_answer`."""
        return self._begin(WebRtcLink(self, peer, peer_nonce, connection, events), None)

    def accept(self, offer: CheckedDescription, events: LinkEvents) -> WebRtcLink:
        """Begin the link that `offer` asks for: make and signal the answer."""
        return self._begin(WebRtcLink(self, offer.peer, offer.nonce, offer.connection, events), offer.sdp)

    async def close(self, timeout: float = 0.3) -> None:
        """Close all links and wait until they are freed; what takes longer than `timeout` is cut short."""
        for link in self._tasks.values():
            link.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        for task, link in list(self._tasks.items()):
            if not link.freeing:  # who is cancelled in that leaves sockets open
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def new_connection(self) -> RTCPeerConnection:
        # An empty list and None differ: with None aiortc asks a public STUN server.
        return RTCPeerConnection(RTCConfiguration(iceServers=list(self._ice_servers)))

    def _begin(self, link: WebRtcLink, offer: str | None) -> WebRtcLink:
        task = asyncio.get_running_loop().create_task(link.run(offer), name=f"link {link.peer.hex()[:8]}")
        self._tasks[task] = link
        task.add_done_callback(self._tasks.pop)
        return link


class WebRtcLink(SessionLink):
    """One link. `WebRtcLinks` makes it, and owns the task that `run` is."""

    def __init__(
        self, links: WebRtcLinks, peer: bytes, peer_nonce: bytes, connection: bytes, events: LinkEvents
    ) -> None:
        super().__init__(peer, connection, links.hello, events)
        self._links = links
        self._peer_nonce = peer_nonce
        self._answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._candidates: deque[RelayedCandidate] = deque()
        self._candidate_count = 0
        self._candidate_came = asyncio.Event()
        self._released = asyncio.Event()
        self._said_bye = False
        self.freeing = False
        self._transport_ended = asyncio.Event()
        self._transport = links.new_connection()
        self._transport.on("connectionstatechange", self._state_changed)
        self._channels: dict[Channel, RTCDataChannel] = {}
        for number, channel in enumerate(CHANNELS):
            data_channel = self._transport.createDataChannel(
                channel, negotiated=True, id=number, ordered=channel == "control"
            )
            data_channel.bufferedAmountLowThreshold = LOW_WATER
            data_channel.on("open", self._channel_opened)
            data_channel.on("close", self._ended)
            data_channel.on("message", partial(self._arrived, channel=channel))
            data_channel.on("bufferedamountlow", partial(self._drained, channel))
            self._channels[channel] = data_channel
        if self._transport.sctp is not None:
            bound_reassembly(self._transport.sctp, self._flooded)
            bound_ice(self._transport.sctp)
            bound_retransmission(self._transport.sctp)

    def take_answer(self, answer: RelayedAnswer) -> bool:
        """Whether this is the answer to our offer. A false one changes nothing: the true one may yet come."""
        if self._answer.done():
            return False
        try:
            checked = self._links.handshake.check_answer(answer, self.peer, self._peer_nonce, self.connection)
        except HandshakeError as error:
            logger.warning("An answer was refused. %s", error)
            return False
        self._answer.set_result(checked.sdp)
        return True

    def take_candidate(self, candidate: RelayedCandidate) -> None:
        """A trickled candidate; more than CANDIDATE_LIMIT are ignored."""
        if self._candidate_count < CANDIDATE_LIMIT:
            self._candidate_count += 1
            self._candidates.append(candidate)
            self._candidate_came.set()

    def buffered(self, channel: Channel) -> int:
        return self._channels[channel].bufferedAmount

    async def run(self, offer: str | None) -> None:
        """The life of the link, from the answer to `offer`, or from an offer of ours, until all is freed."""
        trickle: asyncio.Task[None] | None = None
        try:
            try:
                await (self._make_offer() if offer is None else self._make_answer(offer))
            except Exception as error:
                # aiortc raises whatever comes up on a stranger's SDP; it is that link's end and no more.
                logger.info("No link to %s could be made: %r", self.peer.hex(), error)
                self._lost(FAILED)
            else:
                trickle = asyncio.get_running_loop().create_task(self._trickle())
            await self._released.wait()
            if self._said_bye:
                await self._goodbye()
        finally:
            if trickle is not None:
                trickle.cancel()
            self.freeing = True
            self._lost(FAILED)
            await self._free()

    # For SessionLink.

    def _transmit(self, data: bytes, channel: Channel) -> bool:
        try:
            self._channels[channel].send(data)
        except (InvalidStateError, ValueError):  # not open, or the other side takes no message of that size
            return False
        return True

    def _release(self, said_bye: bool) -> None:
        self._said_bye = said_bye
        if not self._answer.done():
            self._answer.set_result(None)
        self._released.set()

    # Inside.

    async def _goodbye(self) -> None:
        """The other side closes when it has BYE, which comes after all that was said before it."""
        sctp, last = self._transport.sctp, None
        while sctp is not None and not self._transport_ended.is_set():
            if all_acknowledged(sctp):
                await _wait(self._transport_ended, ANSWER_TO_BYE_TIMEOUT)
                return
            if last == last_acknowledged(sctp):
                return
            last = last_acknowledged(sctp)
            await _wait(self._transport_ended, STANDSTILL_TIMEOUT)

    async def _make_offer(self) -> None:
        await self._transport.setLocalDescription(await self._transport.createOffer())
        if self.phase is Phase.ENDED:
            return
        handshake = self._links.handshake
        self._links.signal(
            handshake.sign_offer(self.peer, self._peer_nonce, self.connection, self._local_sdp())
        )
        answer = await asyncio.wait_for(self._answer, ANSWER_TIMEOUT)
        if answer is not None:
            await self._transport.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))

    async def _make_answer(self, offer: str) -> None:
        self._answer.set_result(None)
        await self._transport.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
        await self._transport.setLocalDescription(await self._transport.createAnswer())
        if self.phase is not Phase.ENDED:
            handshake = self._links.handshake
            self._links.signal(
                handshake.sign_answer(self.peer, self._peer_nonce, self.connection, self._local_sdp())
            )

    def _local_sdp(self) -> str:
        lines = self._transport.localDescription.sdp.split("\r\n")
        return "\r\n".join(
            f"a=max-message-size:{MAX_MESSAGE}" if line.startswith("a=max-message-size:") else line
            for line in lines
        )

    async def _trickle(self) -> None:
        while True:
            while self._candidates:
                await self._add(self._candidates.popleft())
            self._candidate_came.clear()
            await self._candidate_came.wait()

    async def _add(self, message: RelayedCandidate) -> None:
        try:
            if not message.candidate:
                await self._transport.addIceCandidate(None)
                return
            candidate = candidate_from_sdp(message.candidate.removeprefix("candidate:"))
            candidate.sdpMid = message.sdp_mid
            candidate.sdpMLineIndex = message.sdp_m_line_index
            await self._transport.addIceCandidate(candidate)
        except Exception as error:
            # One that cannot be read or used is as good as one that was not sent.
            logger.debug("A candidate of %s is not used: %r", self.peer.hex(), error)

    def _channel_opened(self) -> None:
        if all(channel.readyState == "open" for channel in self._channels.values()):
            self._channels_opened()

    def _state_changed(self) -> None:
        if self._transport.connectionState in ("failed", "closed"):
            self._ended()

    def _ended(self) -> None:
        self._transport_ended.set()
        self._lost(LOST if self.phase is Phase.OPEN else FAILED)

    def _flooded(self) -> None:
        if self.phase is not Phase.ENDED:
            self.fail(TOO_LARGE, "More of unfinished messages came than may wait.")
            self._events.closed(self, PROTOCOL_ERROR)

    async def _free(self) -> None:
        try:
            await asyncio.wait_for(self._transport.close(), FREE_TIMEOUT)
        except Exception:
            logger.exception("The connection to %s was not freed in order.", self.peer.hex())


def _usable(url: str) -> bool:
    try:
        parse_stun_turn_uri(url)
    except ValueError:
        logger.warning("The ICE server %s is left out: that is no STUN or TURN address.", url)
        return False
    return True


async def _wait(event: asyncio.Event, timeout: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), timeout)
    except TimeoutError:
        pass  # the wait was a courtesy
