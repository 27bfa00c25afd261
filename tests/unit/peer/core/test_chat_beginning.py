"""Where the chat of a newcomer begins."""

from __future__ import annotations

from peer.core.chat_beginning import Beginning


def test_last_messages_that_a_newcomer_is_told_of_are_bounded() -> None:
    beginning = Beginning(settling=5.0, limit=3)
    messages = [bytes([number]) for number in range(4)]
    for message in messages:
        beginning.tell(message, 0.0)
    assert list(beginning._told) == messages[1:]
