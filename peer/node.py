"""A peer in a room: wires introducer, links, braids and chat to each other, and decides nothing."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import get_args

import aiohttp

from peer import wire
from peer.carrier import Carrier
from peer.chat_session import ChatSession
from peer.chat_store import ChatStore
from peer.core.children import REFUSE_NOT_CARRIED
from peer.core.clock import PublisherClock
from peer.core.neighbour import Role
from peer.core.probing import UploadRate
from peer.core.standing import Standing
from peer.description import DescriptionError, Rendition
from peer.file_session import QUOTA, FileSession
from peer.file_store import FileStore
from peer.identity import Identity
from peer.introducer import Down, Event, Fleeting, Introducer, IntroducerError, Up
from peer.links.handshake import Handshake
from peer.links.mesh import Mesh
from peer.links.webrtc import WebRtcLinks
from peer.part import Part
from peer.streams import KnownStream, StreamDirectory
from peer.wire_typing import CHAT_TYPING
from signaling import moderation, protocol
from signaling.moderation import BANNED, KICKED, Rule

LINKS_RECEIVING, LINKS_CARRYING = 12, 32
LONELY_SECONDS = 5.0
"""Without a link for so long, the introducer is asked for somebody to talk to."""
FAREWELL = 0.15
"""Seconds between telling children that we leave and closing their links."""
MEASURES_AT_ONCE = 8
"""In one message to the introducer."""
AGENT = "braidcast/0.1.0"
UNKNOWN = 0xFFFFFFFF


class Node:
    """One membership in one room. `run()` lives until it is cancelled or refused."""

    def __init__(
        self,
        server: str,
        room: str,
        role: Role,
        *,
        identity: Identity | None = None,
        name: str = "",
        token: str | None = None,
        ice_servers: Sequence[protocol.IceServer] = (),
        publisher_key: bytes | None = None,
        carries: bool = True,
        store: ChatStore | None = None,
        owner: bytes | None = None,
        files: Path | None = None,
        file_quota: int = QUOTA,
    ) -> None:
        """`files` is the folder in which files of the chat are kept, `file_quota` bytes of them at most."""
        self.identity = identity or Identity.generate()
        self.server, self.room, self.role, self.name = server, room, role, name
        self.owner = owner or publisher_key or (self.identity.key if role == "publisher" else None)
        """The key of the room's owner, as far as we know."""
        self.streams = StreamDirectory(room, publisher_key)
        self.roster: dict[bytes, protocol.RosterEntry] = {}
        self.count = 0
        """How many are in the room, as far as the introducer has told."""
        self.carriers: dict[bytes, Carrier] = {}
        self.on_stream: list[Callable[[KnownStream], None]] = []
        self.on_roster: list[Callable[[], None]] = []
        self.joined = asyncio.Event()
        self.trouble = f"The introducer at {server} does not answer."
        """Why the introducer could not be reached when that was last so."""
        self.http: aiohttp.ClientSession
        self._own_ice = tuple(ice_servers)
        self.standing = Standing()
        """What this peer remembers of others, in all its braids."""
        self.upload = UploadRate()
        """What its upload carries, which one of its braids finds out."""
        self._clocks: dict[bytes, PublisherClock] = {}
        self._rtt: dict[bytes, float] = {}
        self._lonely_at = float("inf")
        self.introducer = Introducer(
            server, room, self.identity, self._heard, role=role, name=name, token=token, owner=self.owner
        )
        webrtc = WebRtcLinks(
            Handshake(self.identity, room, self.introducer.nonce),
            self._signal_link,
            wire.Hello(wire.PROTOCOL_VERSION, ("braid", "chat", "introductions", "files"), AGENT),
            self._own_ice,
        )
        limit = LINKS_CARRYING if carries else LINKS_RECEIVING
        self.mesh = Mesh(self.identity.id, limit, webrtc, self, random.SystemRandom().random, role)
        self.chat = ChatSession(room, self.identity, self.mesh, store, self.owner)
        self.chat.on_ruled.append(self._ruled)
        keeps_all = files is not None and role == "relay"
        self.files = FileSession(
            self.identity, self.mesh, FileStore(files, room), file_quota, keeps_all=keeps_all
        )
        self.files.on_company = self._find_company
        self.chat.on_message.append(self.files.said)
        self.chat.on_erased.append(self.files.taken_back)
        self._removed: asyncio.Event = asyncio.Event()
        self._removal = ""

    # --- life

    async def run(self) -> None:
        """Join, take part, and leave when cancelled.

        Raises IntroducerError when the room refuses us, StoreError when its chat cannot be kept, FileError
        when its files cannot.
        """
        async with aiohttp.ClientSession() as self.http, self.chat.opened(), self.files.opened():
            for message in self.chat.messages():
                self.files.said(message)
            clockwork = asyncio.create_task(self._clockwork(), name="clockwork")
            introducer = asyncio.create_task(self.introducer.run(), name="introducer")
            chat = asyncio.create_task(self.chat.run(), name="chat")
            removed = asyncio.create_task(self._until_removed(), name="removed")
            tasks = [clockwork, introducer, chat, removed]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                await self._leave(introducer)
                for task in (clockwork, chat, removed):
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_removed(self) -> None:
        await self._removed.wait()
        raise IntroducerError("refused", self._removal)

    def _ruled(self, rule: Rule, live: bool) -> None:
        """A measure is in force: the introducer carries it out, if its author tells it."""
        measures, key = self.chat.log.moderation, self.identity.key
        if rule.author == key:
            self._tell_measures([rule])
        if measures is None or (rule.measure.subject != key and rule.measure.verb != "checkpoint"):
            return
        if measures.state().is_banned(key) and rule.measure.verb in ("ban", "checkpoint"):
            self._removal = BANNED
            self._removed.set()
        elif rule.measure.verb == "kick" and live:
            self._removal = KICKED
            self._removed.set()

    def _tell_measures(self, rules: Iterable[Rule]) -> None:
        signed = []
        # By what a checkpoint says it is judged what comes after measures that nobody keeps; it may be long.
        rules = sorted(rules, key=lambda rule: rule.measure.verb != "checkpoint")
        alone = sum(rule.measure.verb == "checkpoint" for rule in rules)
        for rule in rules:
            message = self.chat.log.measure(rule.id)
            if message is not None:
                fields = (message.header, message.signature, message.body or b"")
                signed.append(protocol.SignedMeasure(*map(protocol.to_base64url, fields)))
        parts = [[checkpoint] for checkpoint in signed[:alone]]
        parts += [
            signed[start : start + MEASURES_AT_ONCE] for start in range(alone, len(signed), MEASURES_AT_ONCE)
        ]
        for part in parts:
            self.signal(protocol.Moderate(part))

    async def _leave(self, introducer: asyncio.Task[None]) -> None:
        for carrier in self.carriers.values():
            carrier.leave()
        self.introducer.close()
        if self.mesh.peers:
            await asyncio.sleep(FAREWELL)
        for carrier in self.carriers.values():
            await carrier.close()
        await self.mesh.close()
        if (await asyncio.wait([introducer], timeout=FAREWELL))[1]:
            introducer.cancel()

    async def _clockwork(self) -> None:
        due = time.monotonic()
        while True:
            now = time.monotonic()
            self._take_part(now)
            self.mesh.handle_timer(now)
            # A link says when it has drained, but not while it never filled.
            for peer, buffered in self.mesh.buffers():
                self.link_drained(peer, buffered)
            for carrier in list(self.carriers.values()):
                carrier.handle_timer(now)
            self.files.beside_video(self.streams.is_live)
            self.files.handle_timer(now, max(0.0, now - due))
            self._ask_for_company(now)
            timers = [self.mesh.next_timer(), self.files.next_timer()]
            timers += [carrier.core.next_timer() for carrier in self.carriers.values()]
            asleep_at = time.monotonic()
            due = min(asleep_at + 0.25, max(asleep_at + 0.005, min(timers)))
            await asyncio.sleep(due - asleep_at)

    def _take_part(self, now: float) -> None:
        """Tell neighbours what we do, and find out whether it needs more of them."""
        cores = [carrier.core for carrier in self.carriers.values()]
        hungry = any(not core.is_publisher and None in core.stripe_parents() for core in cores)
        carries = any(core.carries for core in cores)
        self.mesh.introducing.take_part(carries, tuple(self.carriers), hungry, now)

    def _ask_for_company(self, now: float) -> None:
        if self.mesh.peers or not self.joined.is_set():
            self._lonely_at = now + LONELY_SECONDS
        elif now >= self._lonely_at:
            self._lonely_at = now + LONELY_SECONDS
            self.signal(protocol.Neighbours(0))

    def _find_company(self) -> None:
        self.signal(protocol.Neighbours(len(self.mesh.peers)))

    # --- for carriers, the chat and the publisher

    def carry(
        self,
        stream: KnownStream,
        rendition: Rendition,
        *,
        carries: bool = True,
        uplink: int | None = None,
        on_part: Callable[[Part, bytes], None] | None = None,
    ) -> Carrier:
        """Take part in a braid."""
        carrier = Carrier(self, stream, rendition, carries=carries, uplink=uplink, on_part=on_part)
        self.carriers[carrier.id] = carrier
        for peer in self.mesh.peers:
            carrier.link_opened(peer, self.role_of(peer))
        if not carrier.is_publisher:
            self.watch(carrier, parity=False)
        return carrier

    def watch(self, carrier: Carrier, *, parity: bool) -> None:
        """Ask the planner for a place in a braid, on its parity stripe as well if so wanted."""
        self.introducer.watch(
            carrier.stream.name,
            carrier.rendition,
            carry=carrier.carries,
            uplink=carrier.uplink,
            parity=parity,
        )

    async def stop_carrying(self, carrier: Carrier) -> None:
        """Leave a braid."""
        carrier.leave()
        self.carriers.pop(carrier.id, None)
        self.mesh.want(carrier.purpose, ())
        self.introducer.unwatch(carrier.stream.name, carrier.rendition)
        await carrier.close()

    def announce(self, raw: bytes) -> KnownStream | None:
        """Our own stream's newest description: to the introducer and over every link."""
        known = self._described(raw, None)
        if known is not None:
            self.introducer.announce(known.name, raw)
        return known

    def signal(self, message: Fleeting) -> bool:
        """Say something to the introducer; False while it is away, for what matters is said again then."""
        return self.introducer.send(message)

    def _signal_link(self, message: protocol.Offer | protocol.Answer) -> None:
        """An offer or answer of ours: neighbours pass it on, or the introducer does."""
        if not self.mesh.signal(message):
            self.signal(message)

    def role_of(self, peer: bytes) -> Role:
        entry = self.roster.get(peer)
        return entry.role if entry is not None and entry.role in get_args(Role) else "viewer"

    def clock(self, publisher: bytes) -> PublisherClock:
        """The estimate of that publisher's clock."""
        return self._clocks.setdefault(publisher, PublisherClock(publisher))

    def round_trips(self) -> dict[str, float]:
        return {peer.hex(): rtt for peer, rtt in self._rtt.items()}

    # --- from the introducer

    def _heard(self, event: Event) -> None:
        """Whatever the introducer says."""
        match event:
            case Up(welcome, resumed):
                self._up(welcome, resumed)
            case Down(sentence):
                self.trouble = sentence
                self.mesh.signaling_up(False)
            case protocol.Introduce(peers):
                for who in peers:
                    self.mesh.befriend(self.mesh.introduced(who))
            case protocol.Plan():
                for who in event.introductions:
                    self.mesh.introduced(who)
                carrier = self.carriers.get(bytes.fromhex(event.braid))
                if carrier is not None:
                    carrier.plan(event)
            case protocol.Joined():
                entry = protocol.RosterEntry(event.peer, event.name, event.role)
                self.roster[bytes.fromhex(event.peer)] = entry
                self.count = event.count
                self._tell_roster()
            case protocol.Left():
                self.roster.pop(bytes.fromhex(event.peer), None)
                self.count = event.count
                self.mesh.departed(bytes.fromhex(event.peer))
                self._tell_roster()
            case protocol.Stream():
                self._described(protocol.from_base64url(event.description), None)
            case protocol.RelayedOffer():
                self.mesh.offer(event)
            case protocol.RelayedAnswer():
                self.mesh.answer(event)
            case protocol.RelayedCandidate():
                self.mesh.candidate(event)
            case _:
                pass

    def _up(self, welcome: protocol.Welcome, resumed: bool) -> None:
        """The room was joined, perhaps again."""
        self.roster = {bytes.fromhex(entry.peer): entry for entry in welcome.roster}
        self.count = welcome.count
        self.mesh.webrtc.set_ice_servers(self._own_ice or welcome.ice_servers)
        self.mesh.signaling_up(True)
        for text in welcome.streams:
            self._described(protocol.from_base64url(text), None)
        for carrier in self.carriers.values():
            carrier.introduced_again(resumed)
        measures = self.chat.log.moderation
        if measures is not None and measures.standing(self.identity.key) >= moderation.Standing.MODERATOR:
            self._tell_measures(measures)
        self.joined.set()
        self._tell_roster()

    # --- from links

    def link_opened(self, peer: bytes) -> None:
        for known in self.streams:
            self.mesh.send(peer, wire.encode(wire.Stream(known.raw)))
        self.chat.link_opened(peer, self.count)
        self.files.link_opened(peer)
        for carrier in list(self.carriers.values()):
            carrier.link_opened(peer, self.role_of(peer))

    def link_closed(self, peer: bytes) -> None:
        self._rtt.pop(peer, None)
        self.chat.link_closed(peer)
        self.files.link_closed(peer)
        for carrier in list(self.carriers.values()):
            carrier.link_closed(peer)

    def link_quiet(self, peer: bytes, quiet: bool) -> None:
        for carrier in list(self.carriers.values()):
            carrier.link_quiet(peer, quiet)

    def link_drained(self, peer: bytes, buffered: int) -> None:
        self.files.link_drained(peer, buffered)
        for carrier in list(self.carriers.values()):
            carrier.drained(peer, buffered)

    def link_raw_message(self, peer: bytes, data: bytes) -> None:
        if wire.peek_type(data) == CHAT_TYPING:
            self.chat.received_typing(peer, data)
        else:
            self.files.received(peer, data)

    def link_message(self, peer: bytes, message: wire.Message, data: bytes) -> None:
        match message:
            case wire.Block():
                carrier = self.carriers.get(message.seal[5:13])
                if carrier is not None:
                    carrier.received(peer, message, data)
            case (
                wire.Subscribe()
                | wire.Unsubscribe()
                | wire.Refuse()
                | wire.Status()
                | wire.Want()
                | wire.Probe()
                | wire.Probed()
            ):
                carrier = self.carriers.get(message.braid)
                if carrier is not None:
                    carrier.received(peer, message, data)
                elif isinstance(message, wire.Subscribe):
                    refusal = wire.Refuse(message.braid, message.stripe, REFUSE_NOT_CARRIED)
                    self.mesh.send(peer, wire.encode(refusal))
            case wire.Stream(raw):
                self._described(raw, peer)
            case wire.Ping():
                self.mesh.send(peer, wire.encode(self._pong(message)))
            case wire.Pong():
                self._ponged(peer, message)
            case _ if isinstance(message, wire.OfChat):
                self.chat.received(peer, message)
            case _:
                pass

    def ping(self, peer: bytes) -> wire.Ping:
        """Asks for the clock of the publisher that we watch, if we watch one."""
        publisher = next((c.stream.publisher for c in self.carriers.values()), bytes(16))
        return wire.Ping(publisher, time.monotonic_ns() // 1000)

    def _pong(self, ping: wire.Ping) -> wire.Pong:
        now = time.monotonic()
        known = self._clocks.get(ping.publisher)
        reading = known.read(now) if known is not None else None
        if reading is None or reading[1] > 60:
            at = time.monotonic_ns() // 1000
            return wire.Pong(ping.publisher, ping.t0, at, at, UNKNOWN)
        at = int(reading[0] * 1e6)
        return wire.Pong(ping.publisher, ping.t0, at, at, int(reading[1] * 1e6))

    def _ponged(self, peer: bytes, pong: wire.Pong) -> None:
        t0, t3 = pong.t0 / 1e6, time.monotonic()
        rtt = (t3 - t0) - (pong.t2 - pong.t1) / 1e6
        if not 0 <= rtt < 60:
            return
        self._rtt[peer] = rtt
        if pong.error != UNKNOWN:
            clock = self.clock(pong.publisher) if self._watched(pong.publisher) else None
            if clock is not None:
                clock.sample(peer, t0, pong.t1 / 1e6, pong.t2 / 1e6, t3, pong.error / 1e6)

    def _watched(self, publisher: bytes) -> bool:
        return any(carrier.stream.publisher == publisher for carrier in self.carriers.values())

    def _described(self, raw: bytes, source: bytes | None) -> KnownStream | None:
        """A stream description came; news is passed on over the links."""
        try:
            known = self.streams.take(raw)
        except DescriptionError as error:
            if source is not None:
                self.mesh.refuse(source, wire.MALFORMED, str(error))
            return None
        if known is None:
            return None
        for peer in self.mesh.peers:
            if peer != source:
                self.mesh.send(peer, wire.encode(wire.Stream(raw)))
        for carrier in list(self.carriers.values()):
            if carrier.stream.name == known.name and carrier.stream.key == known.key:
                carrier.described(known)
        for told in list(self.on_stream):
            told(known)
        return known

    def _tell_roster(self) -> None:
        for told in list(self.on_roster):
            told()
