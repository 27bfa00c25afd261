"""Who owns a room, as a person writes it."""

import pytest

from peer.membership import parse_owner
from peer.running import CommandError
from signaling.protocol import to_base64url

OWN, KEY, OTHER = bytes(32), bytes(range(32)), bytes(range(32, 64))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("me", OWN),
        (to_base64url(KEY), KEY),
        (f"https://host/chat/team#owner={to_base64url(KEY)}", KEY),
        (f"https://host/watch/team#key={to_base64url(KEY)}&stream=main", KEY),
        (f"https://host/watch/team#key={to_base64url(OTHER)}&owner={to_base64url(KEY)}", KEY),
    ],
)
def test_owner_is_read_from_a_key_or_a_link(text: str, key: bytes) -> None:
    assert parse_owner(text, OWN) == key


@pytest.mark.parametrize("text", ["", "you", "https://host/chat/team", "https://host/chat/team#owner=AAAA"])
def test_owner_that_is_none_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(CommandError, match="names no owner: give the link"):
        parse_owner(text, OWN)
