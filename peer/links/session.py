"""What every link does whatever carries it: HELLO first, BYE last, ERROR for what breaks the protocol."""

from __future__ import annotations

import enum
import logging
from abc import ABC, abstractmethod

from peer.core.link_actions import LEAVING, PROTOCOL_ERROR
from peer.links.link import BUFFER_LIMIT, CHANNELS, Channel, LinkEvents, bye_code, bye_reason
from peer.wire import (
    BLOCK,
    BYE,
    ERROR,
    HELLO,
    MALFORMED,
    MAX_MESSAGE,
    PROBE,
    PROTOCOL_VERSION,
    TOO_LARGE,
    UNEXPECTED,
    Bye,
    ErrorMessage,
    Hello,
    WireError,
    decode,
    encode,
    peek_type,
)

logger = logging.getLogger(__name__)

EARLY_BLOCKS = 64
"""Messages that may come on `blocks` before HELLO, which travels on another channel, is here."""


class Phase(enum.Enum):
    SETUP = "setup"
    GREETING = "greeting"
    OPEN = "open"
    ENDED = "ended"


class SessionLink(ABC):
    """A link of which only the transport is missing."""

    def __init__(self, peer: bytes, connection: bytes, hello: Hello, events: LinkEvents) -> None:
        self._peer = peer
        self._connection = connection
        self._hello = hello
        self._events = events
        self._early: list[bytes] = []
        self._sent: dict[Channel, int] = dict.fromkeys(CHANNELS, 0)
        self._received: dict[Channel, int] = dict.fromkeys(CHANNELS, 0)
        self.phase = Phase.SETUP
        self.remote_hello: Hello | None = None
        self.error: tuple[int, str] | None = None
        """Code and sentence of the ERROR that ended the link, whoever sent it."""

    @property
    def peer(self) -> bytes:
        return self._peer

    @property
    def connection(self) -> bytes:
        return self._connection

    @property
    def sent_bytes(self) -> dict[Channel, int]:
        return self._sent

    @property
    def received_bytes(self) -> dict[Channel, int]:
        return self._received

    @abstractmethod
    def buffered(self, channel: Channel) -> int:
        """Bytes that were taken and have not left yet."""

    @abstractmethod
    def _transmit(self, data: bytes, channel: Channel) -> bool:
        """Hand a message to the transport; False when it is not open. Never raises, never waits."""

    @abstractmethod
    def _release(self, said_bye: bool) -> None:
        """Free the transport, after what was just sent has had its chance to leave. Called once."""

    def send(self, data: bytes, channel: Channel) -> bool:
        if len(data) > MAX_MESSAGE:
            raise ValueError(f"A message has at most {MAX_MESSAGE} bytes, not {len(data)}.")
        if self.phase is not Phase.OPEN or self.buffered(channel) + len(data) > BUFFER_LIMIT:
            return False
        return self._put(data, channel)

    def close(self, reason: str = LEAVING) -> None:
        if self.phase is not Phase.ENDED:
            self._end(encode(Bye(bye_code(reason))))

    def fail(self, code: int, sentence: str) -> None:
        if self.phase is not Phase.ENDED:
            self.error = (code, sentence)
            self._end(encode(ErrorMessage(code, sentence)))

    # For the transport.

    def _channels_opened(self) -> None:
        if self.phase is Phase.SETUP:
            self.phase = Phase.GREETING
            self._put(encode(self._hello), "control")

    def _arrived(self, data: bytes | str, channel: Channel) -> None:
        """A message came. Whatever it does to us, it ends this link at most."""
        if self.phase is Phase.ENDED:
            return
        try:
            self._take(data, channel)
        except WireError as error:
            self.fail(error.code, error.sentence)
            self._tell_closed(PROTOCOL_ERROR)
        except Exception:
            logger.exception("A message from %s could not be dealt with; its link ends.", self._peer.hex())
            self.close(PROTOCOL_ERROR)
            self._tell_closed(PROTOCOL_ERROR)

    def _drained(self, channel: Channel) -> None:
        if self.phase is Phase.OPEN:
            self._events.drained(self, channel)

    def _lost(self, reason: str) -> None:
        """The transport ended, or could not be made."""
        if self.phase is not Phase.ENDED:
            self._end(None)
            self._tell_closed(reason)

    # Inside.

    def _take(self, data: bytes | str, channel: Channel) -> None:
        if isinstance(data, str):
            raise WireError(MALFORMED, "A text came where the protocol has bytes.")
        self._received[channel] += len(data)
        if len(data) > MAX_MESSAGE:
            raise WireError(TOO_LARGE, f"A message has at most {MAX_MESSAGE} bytes, not {len(data)}.")
        if not data:
            raise WireError(MALFORMED, "The message is empty.")
        kind = peek_type(data)
        if channel == "blocks":
            self._take_block(data, kind)
        elif kind in (HELLO, ERROR, BYE):
            self._converse(decode(data))
        elif kind == BLOCK:
            raise WireError(UNEXPECTED, "A block came on the channel for control messages.")
        elif self.phase is not Phase.OPEN:
            raise WireError(UNEXPECTED, "The first message of a link is HELLO.")
        else:
            self._events.message(self, data, channel)

    def _take_block(self, data: bytes, kind: int) -> None:
        if kind not in (BLOCK, PROBE) and decode(data) is not None:
            raise WireError(UNEXPECTED, "A control message came on the channel for blocks.")
        if self.phase is Phase.OPEN:
            self._events.message(self, data, "blocks")
        elif len(self._early) < EARLY_BLOCKS:
            self._early.append(data)

    def _converse(self, message: object) -> None:
        match message:
            case Hello():
                if self.remote_hello is not None:
                    raise WireError(UNEXPECTED, "HELLO came a second time.")
                if self.phase is Phase.SETUP:
                    # Their channel opened before ours did; ours is as good as open.
                    self._channels_opened()
                self.remote_hello = message
                self.phase = Phase.OPEN
                self._events.opened(self)
                early, self._early = self._early, []
                for data in early:
                    if self.phase is Phase.OPEN:
                        self._events.message(self, data, "blocks")
            case ErrorMessage(code=code, sentence=sentence):
                self.error = (code, sentence)
                logger.info("The peer %s ends the link: %s", self._peer.hex(), sentence)
                self._end(None)
                self._tell_closed(PROTOCOL_ERROR)
            case Bye(reason=reason):
                self._end(None)
                self._tell_closed(bye_reason(reason))

    def _put(self, data: bytes, channel: Channel) -> bool:
        taken = self._transmit(data, channel)
        if taken:
            self._sent[channel] += len(data)
        return taken

    def _end(self, last: bytes | None) -> None:
        said = False
        if last is not None and self.phase in (Phase.GREETING, Phase.OPEN):
            said = self._put(last, "control")
        self.phase = Phase.ENDED
        self._early.clear()
        self._release(said)

    def _tell_closed(self, reason: str) -> None:
        self._events.closed(self, reason)


def hello(agent: str, capabilities: tuple[str, ...] = ()) -> Hello:
    """Our side of the greeting."""
    return Hello(PROTOCOL_VERSION, capabilities, agent)
