"""The messages on a link as values; `peer.wire` reads and writes them (docs/protocol.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

UNKNOWN_ERROR = 0xFFFFFFFF
"""`Pong.error` of a peer that does not know the publisher's clock."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of each side."""

    version: int
    capabilities: tuple[str, ...]
    agent: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for the clock of `publisher` (a peer id); `t0` is the asker's own, in µs."""

    publisher: bytes
    t0: int


@dataclass(frozen=True, slots=True)
class Pong:
    """`t1` (receipt) and `t2` (answer) are on the publisher's clock unless `error` says UNKNOWN_ERROR."""

    publisher: bytes
    t0: int
    t1: int
    t2: int
    error: int


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """What was wrong with a message of the receiver's."""

    code: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Bye:
    """The link ends."""

    reason: int


@dataclass(frozen=True, slots=True)
class Block:
    """A block with the seal of its part (148 bytes, not looked into here) and its Merkle proof."""

    seal: bytes
    index: int
    proof: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Push this stripe from that part on."""

    braid: bytes
    stripe: int
    epoch: int
    number: int


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Push this stripe no longer."""

    braid: bytes
    stripe: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """This stripe is not, or no longer, pushed to the receiver."""

    braid: bytes
    stripe: int
    reason: int


@dataclass(frozen=True, slots=True)
class StripeStatus:
    """`path` is the short ids (4 bytes each) from the publisher to the sender; `feeds`: it has children."""

    fed: bool
    starved: bool
    path: tuple[bytes, ...]
    feeds: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """What a peer has of a braid: `newest` complete part, `free` places for children."""

    braid: bytes
    epoch: int
    newest: int
    carries: bool
    leaving: bool
    free: int
    stripes: tuple[StripeStatus, ...]


@dataclass(frozen=True, slots=True)
class Want:
    """Send these blocks (their indices) of a part when you have them."""

    braid: bytes
    epoch: int
    number: int
    blocks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """One of `count` messages of a train, each of `size` bytes in all, which show what an upload carries."""

    braid: bytes
    train: int
    count: int
    size: int


@dataclass(frozen=True, slots=True)
class Probed:
    """A train has come, in `spread` µs from the first message to the last that counts."""

    braid: bytes
    train: int
    spread: int


@dataclass(frozen=True, slots=True)
class Stream:
    """A signed stream description, for `open_description`."""

    description: bytes


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """`header` is within its bounds and `body`, if present, as long as it says; nothing else is checked."""

    header: bytes
    signature: bytes
    body: bytes | None


@dataclass(frozen=True, slots=True)
class ChatHave:
    """Ids (32 bytes) of messages that the sender has."""

    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ChatWant:
    """Ids (32 bytes) of messages that the sender lacks."""

    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ChatBefore:
    """The sender wants to be told what stands just before the first of these messages (ids of 32 bytes)."""

    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ChatPage:
    """The answer to a ChatBefore: ids (32 bytes) in order; none when there is nothing before."""

    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ChatNews:
    """Ids (32 bytes) of new messages that the sender has, and does not push."""

    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ChatGraft:
    """Ids (32 bytes) of new messages that the sender lacks. From now on it wants to be pushed what is new."""

    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ChatPrune:
    """Ids (32 bytes) of messages that came a second time. What is new comes to the sender from others."""

    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ChatRoot:
    """The sender is `hops` links away from the root of the chat's tree, in the last wave that it heard of."""

    generation: int
    root: bytes
    number: int
    hops: int


@dataclass(frozen=True, slots=True)
class ChatCompare:
    """What the sender has, for `peer.wire_ranges.read_comparison`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ChatRanges:
    """What the sender has in ranges, for `peer.wire_ranges.read_ranges`."""

    data: bytes


OfChat: TypeAlias = (
    ChatMessage
    | ChatHave
    | ChatWant
    | ChatBefore
    | ChatPage
    | ChatNews
    | ChatGraft
    | ChatPrune
    | ChatRoot
    | ChatCompare
    | ChatRanges
)
"""All that the log of the chat takes."""

Message: TypeAlias = (
    Hello
    | Ping
    | Pong
    | ErrorMessage
    | Bye
    | Block
    | Subscribe
    | Unsubscribe
    | Refuse
    | Status
    | Want
    | Probe
    | Probed
    | Stream
    | OfChat
)
