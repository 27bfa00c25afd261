"""An identity on another device: only the passphrase opens it, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from peer.identity import IdentityError
from peer.identity_export import PREFIX, export_identity, import_identity

SEED, PASSPHRASE = bytes(range(32)), "correct horse battery"


def test_what_is_exported_is_imported_with_its_passphrase_however_it_was_copied() -> None:
    text = export_identity(SEED, PASSPHRASE)
    assert len(text) == 122
    assert import_identity(f"  {text[:60]}\r\n{text[60:]}\n", PASSPHRASE) == SEED
    assert export_identity(SEED, PASSPHRASE) != text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no exported identity"),
        (PREFIX, "no exported identity"),
        (PREFIX + "A" * 102, "no exported identity"),
        (PREFIX + "?" * 103, "no exported identity"),
        ("A" * 103, "no exported identity"),
        (PREFIX + "Ag" + "A" * 101, "newer version"),
    ],
)
def test_text_that_is_no_identity_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(IdentityError, match=sentence):
        import_identity(text, PASSPHRASE)


def test_another_passphrase_and_a_damaged_text_open_nothing() -> None:
    text = export_identity(SEED, PASSPHRASE)
    last = "A" if text[-1] != "A" else "Q"
    for wrong, passphrase in ((text, PASSPHRASE + "!"), (text[:-1] + last, PASSPHRASE)):
        with pytest.raises(IdentityError):
            import_identity(wrong, passphrase)


def test_short_passphrase_is_refused() -> None:
    with pytest.raises(IdentityError, match="too short"):
        export_identity(SEED, "secret")
