"""`braidcast identity`: a key on another device is the same key."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from peer.commands.identity import export_key, import_key
from peer.identity import Identity, IdentityError
from peer.identity_export import PREFIX
from peer.running import CommandError


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text("correct horse battery\n")
    return path


def test_exported_key_is_imported_and_neither_replaces_anything(
    tmp_path: Path, passphrase: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, out, there = tmp_path / "key", tmp_path / "identity.txt", tmp_path / "there" / "key"
    before = Identity.load_or_create(key)
    assert export_key(key, out, passphrase) == 0
    assert import_key(str(out), there, passphrase) == 0
    assert Identity.load_or_create(there).key == before.key
    assert [stat.S_IMODE(path.stat().st_mode) for path in (out, there)] == [0o600, 0o600]
    assert before.id.hex() in capsys.readouterr().out
    with pytest.raises(CommandError, match="File exists"):
        export_key(key, out, passphrase)
    with pytest.raises(IdentityError, match="no key is replaced"):
        import_key(str(out), there, passphrase)


def test_without_a_file_it_is_printed(
    tmp_path: Path, passphrase: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Identity.load_or_create(tmp_path / "key")
    export_key(tmp_path / "key", None, passphrase)
    assert capsys.readouterr().out.startswith(PREFIX)


def test_passphrase_is_asked_for_twice_where_one_could_mistype_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Identity.load_or_create(tmp_path / "key")
    answers = iter(["correct horse battery", "correct house battery"])
    monkeypatch.setattr("peer.commands.identity.getpass", lambda _: next(answers))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    with pytest.raises(CommandError, match="differ"):
        export_key(tmp_path / "key", None, None)


def test_what_is_missing_is_told_in_a_sentence(
    tmp_path: Path, passphrase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    with pytest.raises(CommandError, match="There is no key file"):
        export_key(key, None, passphrase)
    with pytest.raises(CommandError, match=r"identity file .* cannot be read"):
        import_key(str(tmp_path / "none"), key, passphrase)
    Identity.load_or_create(key)
    with pytest.raises(CommandError, match=r"passphrase file .* cannot be read"):
        export_key(key, None, tmp_path / "none")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(CommandError, match="nobody to ask"):
        export_key(key, None, None)


def test_key_cannot_be_written_where_there_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IdentityError, match="cannot be written"):
        Identity.generate().save(tmp_path / "file" / "key")
