"""A room that talks, without a stream: its members on one virtual clock, from one seed."""

from __future__ import annotations

from peer.simulator.chat_measures import ChatMeasures
from peer.simulator.chat_peer import ChatPeer
from peer.simulator.options import NO_UPLINK, Options, parse_uplink
from peer.simulator.room import Room

AT_REST = 10.0
"""Seconds at the end in which nobody says anything, so that what is missing then stays missing."""
WORDS = "what one says in a room is about as long as this is: a line on a telephone"
BITRATE = 1e6
"""Bit/s that `2x` means twice of where there is no stream."""


class ChatWorld(Room[ChatPeer]):
    """Scenes tell it who comes and goes; `run` lets time pass."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        assert options.chat is not None
        self.measures = ChatMeasures(self)
        self.attackers: tuple[()] = ()
        self.attacks_from = 0.0
        self.silent_from = float("inf")
        self._rate = options.chat
        self._uploads = parse_uplink(options.uplink, BITRATE)
        self._came = 0
        self.clock.post(0.0, self._speak)

    def viewer(self) -> ChatPeer:
        """A newcomer, whose upload is drawn."""
        self._came += 1
        identity = self.new_identity(f"member {self._came}")
        self.network.add(identity.id, self._uploads.draw(self.chance) or NO_UPLINK)
        peer = ChatPeer(self, identity)
        self.peers[identity.id] = peer
        peer.start()
        return peer

    def viewers(self) -> list[ChatPeer]:
        """All that are there."""
        return list(self.peers.values())

    def ended(self, peer: ChatPeer) -> None:
        """A peer is gone."""
        self.peers.pop(peer.id, None)

    def _speak(self) -> None:
        """Somebody who has company says something; the next one does so in a moment."""
        now = self.clock.now
        if now >= self.silent_from:
            return
        able = [peer for peer in self.peers.values() if peer.links.peers]
        if able:
            speaker = self.chance.choice(able)
            said = speaker.say(f"{WORDS} ({self.measures.spoken})")
            if said is not None:
                self.measures.said(said, speaker.id)
        self.clock.post(now + self.chance.expovariate(self._rate), self._speak)
