"""Moderation in words: what a moderator types, and what was done in the room."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peer.chat_display import Names
from peer.core.chat_acts import ChatError
from peer.core.chat_limits import KEPT_BEHIND
from peer.signing import peer_id
from signaling.checkpoint import Checkpoint
from signaling.measures import MAX_REASON, MAX_SLOW, Measure, Role, Verb
from signaling.moderation import Moderation, Rule

VERBS: dict[str, Verb] = {
    f"/{verb}": verb
    for verb in ("mute", "unmute", "kick", "ban", "unban", "grant", "revoke", "lock", "unlock", "slow")
}
ROLES: dict[str, Role] = {"moderator": "moderator", "member": "member"}
Find = Callable[[str], bytes]
"""The key of somebody by a name, a short id or a key in hex digits. Raises ChatError."""


def measure_of(verb: Verb, words: str, find: Find) -> Measure:
    """What `/ban NAME REASON` and its like ask for. Raises ChatError."""
    first, _, rest = words.strip().partition(" ")
    match verb:
        case "unlock":
            return Measure(verb)
        case "lock":
            if first not in ("", "guests"):
                raise ChatError(
                    "Write /lock to let only moderators write, or /lock guests to let members, too."
                )
            return Measure(verb, role="member" if first == "guests" else "moderator")
        case "slow":
            if not (first.isascii() and first.isdigit() and int(first[:9]) <= MAX_SLOW):
                raise ChatError(
                    f"Write /slow and seconds, 0 to {MAX_SLOW}, such as /slow 30; /slow 0 ends it."
                )
            return Measure(verb, seconds=int(first))
        case "grant" | "revoke":
            name, _, role = words.strip().rpartition(" ")
            if role not in ROLES or not name:
                raise ChatError(f"Write /{verb} NAME moderator, or /{verb} NAME member.")
            return Measure(verb, subject=find(name), role=ROLES[role])
        case _:
            if not first:
                raise ChatError(f"Write /{verb} NAME, and a reason if you like.")
            return Measure(verb, subject=find(first), reason=reason(rest))


def reason(text: str) -> str:
    """Raises ChatError when it is too long."""
    if len(text) > MAX_REASON:
        raise ChatError(f"The reason is too long: it has {len(text)} characters, {MAX_REASON} is the most.")
    return text.strip()


def find_author(words: str, authors: Mapping[bytes, str], moderation: Moderation | None) -> bytes:
    """The key of whoever has that name, short id, peer id or key. Raises ChatError."""
    known = dict(authors)
    for rule in moderation or ():
        for key in _named(rule.measure):
            known.setdefault(key, "")
    wanted = words.strip().casefold()
    found = [
        key
        for key, name in known.items()
        if wanted in (name.casefold(), key.hex(), peer_id(key).hex(), peer_id(key)[:4].hex())
    ]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(peer_id(key)[:4].hex() for key in found)
        raise ChatError(f"Several are called {words.strip()}: write one of {ids} instead of the name.")
    raise ChatError(f"Nobody called {words.strip()[:80]} has said anything here.")


def _named(measure: Measure) -> Sequence[bytes]:
    """The keys of those whom it is about."""
    if isinstance(measure, Checkpoint):
        return (*measure.moderators, *measure.members, *measure.banned, *measure.muted)
    return () if measure.subject is None else (measure.subject,)


def kept_behind(words: str) -> int:
    """How many messages `/checkpoint COUNT` leaves. Raises ChatError."""
    count = words.strip()
    if not count:
        return KEPT_BEHIND
    if not (count.isascii() and count.isdigit() and len(count) < 10):
        raise ChatError(
            f"Write /checkpoint and how many messages are to stay: {KEPT_BEHIND} if you give no number."
        )
    return int(count)


def audit(moderation: Moderation, names: Names) -> list[str]:
    """What was done in the room, in order, in sentences."""
    return [f"{sentence(rule, names)}{remark(moderation, rule)}" for rule in moderation]


def remark(moderation: Moderation, rule: Rule) -> str:
    """Why a measure is not in force."""
    if not moderation.counts(rule, moderation.all):
        return ", which is void: its author was dismissed and had not been seen to do it"
    state = moderation.state()
    forces = [
        *state.locks,
        *state.slows,
        *(force for by in (state.bans, state.mutes) for of in by.values() for force in of),
    ]
    return ", which was ended" if any(force.ends for force in forces if force.rule is rule) else ""


def sentence(rule: Rule, names: Names) -> str:
    """Who did what to whom."""
    measure = rule.measure
    whom = "" if measure.subject is None else names.known(peer_id(measure.subject))
    told: dict[Verb, str] = {
        "grant": f"made {whom} a {measure.role}",
        "revoke": f"made {whom} no {measure.role} any more",
        "mute": f"muted {whom}",
        "unmute": f"let {whom} speak again",
        "kick": f"removed {whom} for ten minutes",
        "ban": f"banned {whom}",
        "unban": f"let {whom} back in",
        "delete": f"deleted a message of {whom}",
        "lock": "locked the room for guests"
        if measure.role == "member"
        else "locked the room for all but moderators",
        "unlock": "unlocked the room",
        "checkpoint": f"settled what was said before, which nobody keeps; {_in_force(measure)}",
        "slow": f"set slow mode to {measure.seconds} s" if measure.seconds else "ended slow mode",
    }
    because = f" ({measure.reason})" if measure.reason else ""
    return f"{names.known(peer_id(rule.author))} {told[measure.verb]}{because}"


def _in_force(measure: Measure) -> str:
    """What a checkpoint says."""
    if not isinstance(measure, Checkpoint):
        return ""
    told = [
        f"{len(people)} {word if len(people) == 1 else words}"
        for people, word, words in (
            (measure.moderators, "moderator", "moderators"),
            (measure.members, "member", "members"),
            (measure.banned, "ban", "bans"),
            (measure.muted, "mute", "mutes"),
        )
        if people
    ]
    told += [] if measure.lock is None else ["the lock"]
    told += [f"slow mode of {measure.slow} s"] if measure.slow else []
    return f"in force stay {', '.join(told)}" if told else "nothing is in force from then"


def rule_record(rule: Rule, moderation: Moderation) -> dict[str, Any]:
    """A measure as a line of JSON has it."""
    measure = rule.measure
    record: dict[str, Any] = {
        "id": rule.id.hex(),
        "by": peer_id(rule.author).hex(),
        "act": measure.verb,
        "time": rule.time,
        "counts": moderation.counts(rule, moderation.all),
    }
    if measure.subject is not None:
        record |= {"subject": peer_id(measure.subject).hex(), "key": measure.subject.hex()}
    if isinstance(measure, Checkpoint):
        clock, author, id = measure.settled
        record["settled"] = [clock, author.hex(), id.hex()]
        for name in ("moderators", "members", "banned", "muted"):
            record[name] = [key.hex() for key in getattr(measure, name)]
        record |= {"lock": measure.lock, "slow": measure.slow}
    if measure.role is not None:
        record["role"] = measure.role
    if measure.target is not None:
        record["target"] = measure.target.hex()
    if measure.verb == "slow":
        record["seconds"] = measure.seconds
    return record | ({"reason": measure.reason} if measure.reason else {})


def json_rule(rule: Rule, moderation: Moderation, event: str = "rule") -> str:
    """A measure on a line."""
    return json.dumps({"event": event, **rule_record(rule, moderation)}, separators=(",", ":")) + "\n"


def audit_lines(moderation: Moderation | None) -> Sequence[str]:
    """The measures of a room as lines of JSON."""
    return [] if moderation is None else [json_rule(rule, moderation, "audit") for rule in moderation]
