"""What `braidcast simulate` is asked for, read from text. Every mistake is one sentence."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass, field
from typing import Literal

from peer.running import CommandError
from peer.simulator.attacks import ATTACKS
from peer.simulator.source import TRACES, recorded

UPLOAD_SIGMA = 0.8
"""Spread of log-normal uploads (of the natural logarithm)."""
WITHOUT_UPLOAD = 0.2
"""Share of viewers that give nothing where uploads are log-normal: on cellular, or opted out."""
NO_UPLINK = 500_000.0
"""Bit/s that even those have, for what they say themselves."""


@dataclass(frozen=True, slots=True)
class UploadSpread:
    """Uploads in bit/s: all alike, or log-normal with this mean among those who give something."""

    kind: Literal["constant", "lognormal"]
    mean: float

    def draw(self, chance: random.Random) -> float | None:
        """One viewer's upload; None for one that gives nothing."""
        if self.kind == "constant":
            return self.mean
        if chance.random() < WITHOUT_UPLOAD:
            return None
        mu = math.log(self.mean) - UPLOAD_SIGMA**2 / 2
        return chance.lognormvariate(mu, UPLOAD_SIGMA)


@dataclass(frozen=True, slots=True)
class SceneEvent:
    """`what` happens `at` seconds after measuring has begun; `share` of the peers, for `lasts` seconds."""

    what: str
    share: float = 0.0
    at: float = 0.0
    lasts: float = 0.0


@dataclass(frozen=True, slots=True)
class Attack:
    """`share` of the viewers behave as `name` says."""

    name: str
    share: float


@dataclass(frozen=True, slots=True)
class Options:
    """One run. Times in seconds, rates in bit/s, losses and shares from 0 to 1."""

    viewers: int
    seconds: float = 60.0
    settle: float = 5.0
    """From the last join of the filling to the beginning of the measures."""
    joins: float = 50.0
    """A second, while the room fills."""
    seed: int = 1
    uplink: str = "lognormal:2x"
    rtt: float = 0.04
    jitter: float = 0.004
    loss: float = 0.0
    unreachable: float = 0.02
    churn: float | None = None
    """Mean stay."""
    behind: float = 1.0
    """Seconds behind the edge at which viewers play."""
    relays: int = 0
    relay_uplink: float = 50e6
    origin: bool = True
    media: str = "pattern"
    events: tuple[SceneEvent, ...] = ()
    attacks: tuple[Attack, ...] = field(default=())
    chat: float | None = None
    """Messages a second in a room without a stream; None in one that has a stream."""


EVENTS = {
    "flash": re.compile(r"flash(?::(?P<share>[\d.]+%?))?(?:\+(?P<lasts>[\d.]+))?"),
    "vanish": re.compile(r"vanish:(?P<share>[\d.]+%?)(?:@(?P<at>[\d.]+))?"),
    "outage": re.compile(r"outage:(?P<lasts>[\d.]+)(?:@(?P<at>[\d.]+))?"),
    "partition": re.compile(r"partition:(?P<share>[\d.]+%?)(?:@(?P<at>[\d.]+))?(?:\+(?P<lasts>[\d.]+))?"),
}
DEFAULT_AT = 10.0
DEFAULT_PARTITION = 20.0
FLASH_SHARE, FLASH_SECONDS = 0.8, 30.0


def read_options(
    *,
    viewers: int,
    seconds: str,
    settle: str,
    joins: float,
    seed: int,
    uplink: str,
    rtt: str,
    jitter: str,
    loss: str,
    unreachable: str,
    churn: str | None,
    behind: str,
    relays: int,
    events: list[str],
    attacks: list[str],
    media: str,
    origin: bool,
    chat: str | None,
) -> Options:
    """Options from what was given on the command line. Raises CommandError."""
    if media not in TRACES:
        raise CommandError(f"{media!r} is no recorded stream: there are {' and '.join(TRACES)}.")
    parse_uplink(uplink, recorded(media).rate)
    if chat is not None and (attacks or relays):
        raise CommandError(
            "A room that only talks has neither attackers nor relays: leave out --chat or those."
        )
    return Options(
        viewers=viewers,
        seconds=_above_zero(seconds),
        settle=parse_seconds(settle),
        joins=joins,
        seed=seed,
        uplink=uplink,
        rtt=parse_seconds(rtt),
        jitter=parse_seconds(jitter),
        loss=parse_share(loss),
        unreachable=parse_share(unreachable),
        churn=None if churn is None else _above_zero(churn),
        behind=_above_zero(behind),
        relays=relays,
        origin=origin,
        media=media,
        events=tuple(map(parse_event, events)),
        attacks=tuple(parse_attack(text, tuple(ATTACKS)) for text in attacks),
        chat=None if chat is None else parse_pace(chat),
    )


def parse_uplink(text: str, bitrate: float) -> UploadSpread:
    """`lognormal:3M`, `lognormal:0.8x` (times the stream's rate), `4M`. Raises CommandError."""
    match = re.fullmatch(r"(?:(lognormal|constant):)?([\d.]+)([kKmMx]?)", text)
    if match is None:
        raise CommandError(f"{text!r} is no upload: give lognormal:3M, lognormal:0.8x or 4M.")
    unit = {"": 1.0, "k": 1e3, "m": 1e6, "x": bitrate}[match[3].lower()]
    mean = _number(match[2], text) * unit
    if mean <= 0:
        raise CommandError(f"{text!r} is no upload: it has to be more than nothing.")
    return UploadSpread("lognormal" if match[1] == "lognormal" else "constant", mean)


def parse_share(text: str) -> float:
    """`0.5%` or `0.005`, from 0 to below 1. Raises CommandError."""
    share = _number(text.removesuffix("%"), text) / (100 if text.endswith("%") else 1)
    if not 0 <= share < 1:
        raise CommandError(f"{text!r} is no share: give 0.5% or 0.005, less than all.")
    return share


def parse_seconds(text: str) -> float:
    """`40ms`, `60s`, `2m` or `60`. Raises CommandError."""
    match = re.fullmatch(r"([\d.]+)(ms|s|m|)", text)
    if match is None:
        raise CommandError(f"{text!r} is no time: give 40ms, 60s or 2m.")
    return _number(match[1], text) * {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}[match[2]]


def parse_pace(text: str) -> float:
    """Messages a second: `5` or `0.5`. Raises CommandError."""
    pace = _number(text, text)
    if not 0 < pace <= 1000:
        raise CommandError(f"{text!r} is no pace: give messages a second, such as 5, at most 1000.")
    return pace


def _above_zero(text: str) -> float:
    seconds = parse_seconds(text)
    if seconds <= 0:
        raise CommandError(f"{text!r} is too short: give more than nothing.")
    return seconds


def parse_event(text: str) -> SceneEvent:
    """One of EVENTS. Raises CommandError."""
    for what, pattern in EVENTS.items():
        match = pattern.fullmatch(text)
        if match is None:
            continue
        found = match.groupdict()
        flash = what == "flash"
        share = parse_share(found["share"]) if found.get("share") else FLASH_SHARE if flash else 0.0
        at = _number(found.get("at") or str(0.0 if flash else DEFAULT_AT), text)
        usual = FLASH_SECONDS if flash else DEFAULT_PARTITION if what == "partition" else 0.0
        lasts = _number(found.get("lasts") or str(usual), text)
        return SceneEvent(what, share, at, lasts)
    raise CommandError(
        f"{text!r} is no event: there are flash:0.8+30, vanish:0.33@30, outage:600@10, partition:0.5@30+20."
    )


def parse_attack(text: str, known: tuple[str, ...]) -> Attack:
    """`NAME:SHARE`. Raises CommandError."""
    name, _, share = text.partition(":")
    if name not in known:
        raise CommandError(f"{name!r} is no attack: there are {', '.join(known)}.")
    return Attack(name, parse_share(share or "0.3"))


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CommandError(f"{whole!r} cannot be read: {text!r} is no number.") from None
