"""What can be typed into the chat besides words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A line that begins with `name`; `takes` are the words that may follow."""

    name: str
    takes: str
    does: str
    moderates: bool = False

    @property
    def usage(self) -> str:
        return f"{self.name} {self.takes}".rstrip()


COMMANDS = (
    Command("/help", "", "what there is"),
    Command("/nick", "NAME", "what you are called from now on"),
    Command("/me", "DOES", "tell what you do"),
    Command("/reply", "^N TEXT", "answer the last message of others, or the Nth from below"),
    Command("/thread", "^N", "show a thread, and write into it until /thread is typed again"),
    Command("/edit", "^N TEXT", "put your last message otherwise, or the Nth from below"),
    Command("/delete", "^N", "take your last message back, or the Nth from below"),
    Command("/react", "^N EMOJI", "give a message an emoji, or take it back"),
    Command("/file", "PATH", "send a file"),
    Command("/files", "", "the files that messages tell of"),
    Command("/save", "^N PATH", "fetch the last file, or the Nth from below"),
    Command("/older", "", "what was said before that"),
    Command("/search", "WORDS", "find words, with --store DIR"),
    Command(
        "/export", "PATH", "write all that was said into a file, as text, or as lines of JSON into NAME.jsonl"
    ),
    Command("/who", "", "who is here"),
    Command("/audit", "", "what moderators did"),
    Command("/quit", "", "leave, as Ctrl-D does"),
    Command("/mute", "NAME REASON", "hide what somebody says", moderates=True),
    Command("/unmute", "NAME", "end that", moderates=True),
    Command("/kick", "NAME REASON", "remove somebody for ten minutes", moderates=True),
    Command("/ban", "NAME REASON", "remove somebody for good", moderates=True),
    Command("/unban", "NAME", "end that", moderates=True),
    Command("/grant", "NAME moderator|member", "give somebody standing", moderates=True),
    Command("/revoke", "NAME moderator|member", "take it away", moderates=True),
    Command("/lock", "guests", "let only moderators write, or members, too", moderates=True),
    Command("/unlock", "", "end that", moderates=True),
    Command("/slow", "SECONDS", "let each write once in that time; 0 ends it", moderates=True),
    Command(
        "/checkpoint",
        "COUNT",
        "let nobody keep more than the last 200 messages, or COUNT; only the owner may",
        moderates=True,
    ),
    Command("/delete", "NAME ^N REASON", "hide a message of somebody", moderates=True),
)
NAMING = frozenset(command.name for command in COMMANDS if command.takes.startswith("NAME")) - {"/nick"}
"""Commands that take the name of somebody."""


def help_lines() -> list[str]:
    """A line for each command."""
    width = max(len(command.usage) for command in COMMANDS)
    lines = []
    for moderates in (False, True):
        lines.append(
            "For moderators:" if moderates else "A line is said as it stands, // says /, and there is:"
        )
        lines += [
            f"  {command.usage:{width}}  {command.does}"
            for command in COMMANDS
            if command.moderates is moderates
        ]
    return lines


def objection(line: str) -> str:
    """Why a line that begins with / cannot be done, in a sentence."""
    name = line.partition(" ")[0]
    command = next((command for command in COMMANDS if command.name == name), None)
    if command is not None:
        return f"Write {command.usage}: {command.does}."
    return f"There is no {name[:80]}: /help lists what there is; write // to say /."
