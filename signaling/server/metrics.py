"""What the introducer counts, in a registry of its own."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import generate_latest

from signaling.protocol import ErrorMessage, Plan, ServerMessage, type_of


class Metrics:
    """Prometheus metrics of one introducer."""

    def __init__(
        self, rooms: Callable[[], int], peers: Callable[[], int], sockets: Callable[[], int]
    ) -> None:
        self.registry = CollectorRegistry()
        for name, text, count in (
            ("braidcast_rooms", "Rooms that exist.", rooms),
            ("braidcast_peers", "Peers in all rooms, those who are away for a moment included.", peers),
            ("braidcast_sockets", "Open WebSockets.", sockets),
        ):
            gauge = Gauge(name, text, registry=self.registry)
            gauge.set_function(count)
        self._messages = Counter(
            "braidcast_messages", "Signaling messages.", ("type", "direction"), registry=self.registry
        )
        self._refused = Counter(
            "braidcast_refused", "Errors that were answered.", ("code",), registry=self.registry
        )
        self._plans = Counter("braidcast_plans", "Assignments that were sent.", registry=self.registry)
        self._slow = Counter(
            "braidcast_slow_sockets", "Sockets closed for not taking what was sent.", registry=self.registry
        )

    def received(self, kind: str) -> None:
        """A message came; `kind` is its type, `unknown` or `malformed`."""
        self._messages.labels(kind, "in").inc()

    def sent(self, message: ServerMessage, receivers: int) -> None:
        """A message was sent."""
        self._messages.labels(type_of(message), "out").inc(receivers)
        if isinstance(message, ErrorMessage):
            self._refused.labels(message.code).inc()
        elif isinstance(message, Plan):
            self._plans.inc()

    def slow(self) -> None:
        """A socket was closed because it did not take what was sent."""
        self._slow.inc()

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)
