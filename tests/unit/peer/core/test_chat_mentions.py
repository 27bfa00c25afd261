"""Names in texts: who is meant stays meant, however people are called later."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peer.core.chat_mentions import Mention, handles, mention, mentioned, pieces, readable, written
from tests.vectors.mention_samples import ALONE, ANA, BOB, CY, OTHER_ANA, PEOPLE


def test_who_is_called_by_name_is_meant_by_id() -> None:
    text = written("hello @ana, and @Bob B.!", ALONE)
    assert text == f"hello @[Ana]({ANA}), and @[Bob B.]({CY})!"
    assert mentioned(text) == (ANA, CY)
    assert pieces(text)[:2] == ["hello ", Mention("Ana", ANA)]


def test_new_name_is_shown_for_who_was_meant_by_the_old_one() -> None:
    assert readable(written("@Bob?", ALONE), lambda meant: f"Robert {meant.peer[0]}") == "@Robert b?"


def test_name_within_a_word_or_an_address_means_nobody() -> None:
    assert mentioned(written("mail@Ana.example, @Anastasia", ALONE)) == ()


def test_two_of_one_name_are_told_apart() -> None:
    assert handles(PEOPLE)[ANA] == "Ana (aaaaaaaa)"
    assert mentioned(written("@ana", PEOPLE)) == ()
    assert mentioned(written("@Ana (aaaaaaaa) @ana (99999999)", PEOPLE)) == (ANA, OTHER_ANA)


def test_name_that_could_end_the_mention_is_written_without_what_would() -> None:
    assert mention("a]b(\n", BOB) == f"@[ab(]({BOB})"
    assert mention("[]", BOB) == f"@[bbbbbbbb]({BOB})"
    assert mention("n" * 99, BOB) == f"@[{'n' * 64}]({BOB})"


@given(st.text(), st.dictionaries(st.sampled_from([ANA, BOB, CY]), st.text(max_size=70)))
def test_what_was_written_reads_as_it_was_typed_and_is_written_but_once(
    text: str, people: dict[str, str]
) -> None:
    called = handles(people)
    once = written(text, people)
    assert mentioned(once) == mentioned(written(once, people))
    for peer, handle in called.items():
        if mentioned(written(f"@{handle}", people)) == (peer,):
            assert readable(written(f"@{handle}", people), lambda meant: called[meant.peer]) == f"@{handle}"
