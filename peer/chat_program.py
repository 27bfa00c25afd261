"""What a line means that a program writes into the chat: a text as it stands, or an object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from peer.chat_moderating import VERBS, Find, kept_behind, measure_of
from peer.core.chat_acts import Act, ChatError, Delete, Edit, Reaction
from signaling.measures import Measure, read_id

if TYPE_CHECKING:
    from peer.chat_commands import Commands


async def hear(commands: Commands, line: str) -> None:
    """Do what the line says. Raises ChatError, FileError and StoreError."""
    fields = _object(line)
    if fields is None:
        if line.strip():
            await commands.say(line)
        return
    if "audit" in fields:
        commands.show_audit()
    if fields.get("rule") == "checkpoint":
        await commands.chat.checkpoint(kept_behind(fields.get("keep", "")))
        return
    if "rule" in fields:
        await commands.chat.rule(_measure(fields, commands.find))
        return
    act = _act(fields)
    if "name" in fields:
        commands.call(fields["name"])
    if act is not None:
        await commands.chat.act(act)
    elif "file" in fields:
        commands.said = (await commands.files.send(fields["file"], fields.get("text", ""))).id
    elif "save" in fields:
        commands.files.save_of(_id(fields, "save"), fields.get("to", ""))
    elif "text" in fields:
        await commands.say(fields["text"], _id(fields, "reply"))


_FILES = ("file", "save", "to")
_RULES = ("rule", "subject", "role", "target", "seconds", "reason", "audit", "keep")


def _object(line: str) -> dict[str, str] | None:
    """The fields that are known of a JSON object; None for any other line. Raises ChatError."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    known = ("text", "name", "reply", "edit", "delete", "react", "unreact", "emoji", *_FILES, *_RULES)
    fields = {key: value[key] for key in known if key in value}
    if not fields or not all(isinstance(field, str) for field in fields.values()):
        raise ChatError(
            "A line of JSON needs a text, a name, or an act on a message by its id:"
            ' {"edit": ID, "text": …}, {"delete": ID}, {"react": ID, "emoji": …},'
            ' {"file": PATH}, {"save": ID, "to": PATH}, {"rule": "ban", "subject": …};'
            " each field is a string."
        )
    return fields


def _act(fields: dict[str, str]) -> Act | None:
    if "edit" in fields:
        return Edit(_id(fields, "edit") or b"", fields.get("text", ""))
    if "delete" in fields:
        return Delete(_id(fields, "delete") or b"")
    for key in ("react", "unreact"):
        if key in fields:
            return Reaction(_id(fields, key) or b"", fields.get("emoji", ""), key == "react")
    return None


def _measure(fields: dict[str, str], find: Find) -> Measure:
    """Raises ChatError."""
    verb = VERBS.get("/" + fields["rule"])
    if fields["rule"] == "delete":
        target = _id(fields, "target") or b""
        return Measure("delete", subject=find(fields.get("subject", "")), target=target)
    if verb is None:
        raise ChatError(
            f"There is no {fields['rule'][:80]}, but delete, checkpoint, {', '.join(VERBS.values())}."
        )
    words = {"lock": "", "unlock": "", "slow": fields.get("seconds", "")}.get(verb)
    if words is None:
        end = fields.get("role", "") if verb in ("grant", "revoke") else fields.get("reason", "")
        words = f"{find(fields.get('subject', '')).hex()} {end}"
    elif verb == "lock" and fields.get("role") == "member":
        words = "guests"
    return measure_of(verb, words, find)


def _id(fields: dict[str, str], key: str) -> bytes | None:
    """The id of a message in that field. Raises ChatError."""
    if key not in fields:
        return None
    id = read_id(fields[key])
    if id is None:
        raise ChatError(f"{fields[key][:80]!r} is no id of a message: it has 64 hex digits.")
    return id
