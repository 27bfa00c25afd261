"""Threads: which message an answer goes back to."""

from __future__ import annotations

from peer.core.chat_threads import replies, roots
from tests.vectors.thread_samples import SAMPLES, Answering


def found(name: str) -> dict[int, int]:
    messages = [
        Answering(bytes((id,)), None if reply is None else bytes((reply,))) for id, reply in SAMPLES[name]
    ]
    return {id[0]: root[0] for id, root in roots(messages).items()}


def test_answers_to_answers_belong_to_the_first_message() -> None:
    assert found("two threads that cross") == {1: 1, 2: 1, 3: 3, 4: 3, 5: 1, 6: 1, 7: 3}
    assert found("an answer that stands before what it answers") == {5: 1, 2: 1, 1: 1, 3: 1}


def test_answer_to_what_is_not_here_begins_a_thread() -> None:
    assert found("what was answered is not here") == {2: 2, 3: 2, 4: 4}


def test_messages_that_answer_each_other_hang_nobody_up() -> None:
    assert found("no two honest messages can answer each other").keys() == {1, 2, 3}


def test_only_roots_with_answers_are_counted() -> None:
    root_of = {bytes((id,)): bytes((root,)) for id, root in found("two threads that cross").items()}
    assert replies(root_of) == {b"\x01": 3, b"\x03": 2}
