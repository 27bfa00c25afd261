"""`braidcast chat`: a member who talks from a terminal or through pipes."""

from __future__ import annotations

from pathlib import Path

import typer

from peer.chat import chat as talk_until_left
from peer.membership import Membership, owned_url
from peer.running import FAILURE


async def chat(
    membership: Membership,
    nick: str,
    follow: bool,
    store: Path | None,
    file_quota: int,
    owner: str | None,
    json_lines: bool,
) -> int:
    """Until it is left."""
    async with membership.prepare(
        "member", name=nick, store=store, owner=owner, file_quota=file_quota
    ) as peer:
        if owner == "me":
            link = owned_url(membership, peer)
            typer.echo(f"Whoever comes by this link knows that you own the room: {link}", err=True)
        code = FAILURE

        async def talk() -> None:
            nonlocal code
            code = await talk_until_left(peer, nick, json_lines, follow=follow)

        await peer.alive_while(talk())
        return code
