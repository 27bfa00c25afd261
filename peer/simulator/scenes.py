"""Who comes and goes when: the room fills, then is measured while the events of a scene happen."""

from __future__ import annotations

from collections.abc import Sequence

from peer.simulator.chat_world import AT_REST, ChatWorld
from peer.simulator.options import Options, SceneEvent
from peer.simulator.room import Occupant
from peer.simulator.world import WARM_UP, World

LEAST_FILL = 5.0
POLITE = 0.5
"""Share of those who leave that say so; the others are gone without a word."""
FORGET = 1.0


class Scene:
    """Runs a world from its filling to the end of the measures."""

    def __init__(self, world: World | ChatWorld) -> None:
        self.world = world
        self.options: Options = world.options
        flash = next((event for event in self.options.events if event.what == "flash"), None)
        late = round(flash.share * self.options.viewers) if flash is not None else 0
        self._flash_seconds = flash.lasts if flash is not None else 0.0
        self._first, self._late = self.options.viewers - late, late
        self.fill = max(LEAST_FILL, self._first / self.options.joins)
        self.measured_from = WARM_UP + self.fill + self.options.settle
        self.end = self.measured_from + self.options.seconds
        if isinstance(world, ChatWorld):
            world.silent_from = self.end
            self.end += AT_REST
        self.outage = False
        world.attacks_from = self.measured_from
        self._began = False
        self._plan()

    @property
    def done(self) -> bool:
        return self.world.clock.now >= self.end

    def step(self, seconds: float) -> None:
        """Let up to so much virtual time pass."""
        world = self.world
        target = min(world.clock.now + seconds, self.end)
        if not self._began and target >= self.measured_from:
            world.clock.run_until(self.measured_from)
            world.measures.begin()
            self._began = True
        world.clock.run_until(target)
        if self._began:
            world.measures.population()
        for behaviour in world.attackers:
            behaviour.look(world.clock.now)

    # --- inside

    def _plan(self) -> None:
        clock = self.world.clock
        for number in range(self.options.relays):
            clock.post(WARM_UP + 0.01 * number, self._relay)
        for number in range(self._first):
            clock.post(WARM_UP + self.fill * number / max(1, self._first), self._come)
        for number in range(self._late):
            at = self.measured_from + self._flash_seconds * number / self._late
            clock.post(at, self._come)
        for event in self.options.events:
            self._plan_event(event)

    def _plan_event(self, event: SceneEvent) -> None:
        clock, at = self.world.clock, self.measured_from + event.at
        if event.what == "vanish":
            clock.post(at, self._vanish, event.share)
        elif event.what == "outage":
            clock.post(at, self._outage, True)
            clock.post(at + event.lasts, self._outage, False)
        elif event.what == "partition":
            clock.post(at, self._partition, event.share)
            clock.post(at + event.lasts, self._heal)

    def _relay(self) -> None:
        assert isinstance(self.world, World), "a room that only talks has no relays"
        self.world.add(self.options.relay_uplink, "relay")

    def _come(self) -> None:
        peer = self.world.viewer()
        if self.options.churn is not None:
            # Stays are counted from when measuring begins: the room is full by then.
            begin = max(self.world.clock.now, self.measured_from)
            stay = self.world.chance.expovariate(1 / self.options.churn)
            self.world.clock.post(begin + stay, self._go, peer)

    def _go(self, peer: Occupant) -> None:
        if not peer.alive:
            return
        if self.world.chance.random() < POLITE:
            peer.leave()
        else:
            peer.kill()
        if self.outage:
            return  # who comes now finds no introducer; the room shrinks until it is back
        self._come()

    def _vanish(self, share: float) -> None:
        present: Sequence[Occupant] = self.world.viewers()
        for peer in self.world.chance.sample(present, round(share * len(present))):
            peer.kill()

    def _outage(self, begins: bool) -> None:
        self.outage = begins
        if begins:
            self.world.desk.stop()
        else:
            self.world.desk.start()

    def _partition(self, share: float) -> None:
        present: Sequence[Occupant] = self.world.viewers()
        cut_off = self.world.chance.sample(present, round(share * len(present)))
        self.world.network.islands = dict.fromkeys((peer.id for peer in cut_off), 1)

    def _heal(self) -> None:
        self.world.network.islands = {}


def finish(world: World) -> None:
    """Judge the players that are still there at the end."""
    for peer in world.viewers():
        for player in peer.players:
            player.end(world.timeline, world.clock.now)
        if peer.players and not peer.tag:
            world.measures.players.append(peer.players)
