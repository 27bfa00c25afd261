"""How those are called who are here, or have said something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peer.chat_display import harmless

if TYPE_CHECKING:
    from peer.chat_commands import Company


def people(company: Company) -> dict[str, str]:
    """Names by peer id (32 hex digits), without oneself: as they were when somebody last said something."""
    names = {entry.peer: entry.name for entry in company.roster}
    names |= {entry.author.hex(): entry.name for entry in company.chat.history}
    names.pop(company.id, None)
    return {peer: " ".join(harmless(name).split()) for peer, name in names.items()}
