"""The bridge to SRT: which program, how it is called, and how it is read and ended."""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from peer.media.pace import Stop
from peer.media.source import SourceError, SrtInput
from peer.media.srt import Bridge, Pipe, find_bridge


@pytest.fixture(autouse=True)
def looked_for_again() -> Iterator[None]:
    find_bridge.cache_clear()
    yield
    find_bridge.cache_clear()


def program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_ffmpeg_is_taken_if_it_speaks_srt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    other = program(tmp_path, "srt-live-transmit", "")
    ffmpeg = program(tmp_path, "ffmpeg", "echo '  srtp'; echo '  srt'")
    assert find_bridge() == Bridge(str(ffmpeg), True)
    find_bridge.cache_clear()
    program(tmp_path, "ffmpeg", "echo '  srtp'")
    assert find_bridge() == Bridge(str(other), False)
    find_bridge.cache_clear()
    program(tmp_path, "ffmpeg", "exit 1")
    assert find_bridge() == Bridge(str(other), False)


def test_a_machine_without_srt_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match=r"SRT needs an ffmpeg .* install one of them"):
        find_bridge()


def test_latency_is_in_the_unit_of_each_program_and_secrets_are_quoted() -> None:
    source = SrtInput("::1", 9000, False, "a b&c=d?e#f", 32, 200, "#!::r=live")
    told = "passphrase=a%20b%26c%3Dd%3Fe%23f&pbkeylen=32&streamid=%23%21%3A%3Ar%3Dlive"
    ffmpeg = Bridge("ffmpeg", True).command(source)
    assert f"srt://[::1]:9000?mode=caller&latency=200000&{told}" in ffmpeg
    assert ffmpeg[-1] == "pipe:1"
    transmit = Bridge("srt-live-transmit", False).command(source)
    assert transmit[-2:] == [f"srt://[::1]:9000?mode=caller&latency=200&{told}", "file://con"]
    assert "srt://:9000?mode=listener&latency=120000" in Bridge("f", True).command(SrtInput("", 9000, True))


def shell(script: str, stop: Stop | None = None) -> Pipe:
    return Pipe(["/bin/sh", "-c", script], stop or Stop())


def test_what_a_bridge_writes_is_read_to_its_end() -> None:
    pipe = shell("printf abc")
    assert pipe.read(2) == b"ab"
    assert pipe.began
    assert pipe.read(2) + pipe.read(2) == b"c"
    assert pipe.read(2) == b""
    pipe.close()


def test_a_sender_that_fell_silent_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peer.media.srt._SILENCE_TIMEOUT", 0.1)
    pipe = shell("printf abc; exec sleep 60")
    assert pipe.read(8) == b"abc"
    assert pipe.read(8) == b""
    pipe.close()


def test_stopping_wakes_whoever_waits_and_leaves_no_process() -> None:
    stop = Stop()
    pipe = shell("trap '' TERM; exec sleep 60", stop)
    threading.Timer(0.1, stop.set).start()
    assert pipe.read(8) == b""
    pipe.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pipe.pid, 0)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv (util-linux) is not installed")
def test_a_publisher_dies_before_its_bridge_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peer.media.srt.os.getpid", os.getppid)
    pipe = shell("printf abc; exec sleep 60")
    assert pipe.read(8) == b""
    pipe.close()


def test_refusals_are_told_once_and_secrets_never(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    lines = [
        "12:00/SRT:RcvQ: interpretSrtHandshake: KMREQ result abnormal - rejecting",
        "12:00/SRT:RcvQ: processConnectRequest: rsp(REJECT): 1010 - Incorrect passphrase",
        "12:00/SRT:RcvQ: processAsyncConnectRequest: REJECT reported: Incorrect passphrase",
        "12:00/SRT:RcvQ: processConnectRequest: rsp(REJECT): 1011 - Password required or unexpected",
        "srt://127.0.0.1:9000?passphrase=hidden: Input/output error",
    ]
    pipe = shell("".join(f"echo '{line}' >&2; " for line in lines))
    assert pipe.read(1) == b""
    pipe.close()
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "An SRT sender was refused: its passphrase is not the one that you gave.",
        "An SRT sender was refused: only one of you gave a passphrase.",
    ]
    assert "hidden" not in caplog.text


def test_a_program_that_cannot_be_started_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="cannot be started"):
        Pipe([str(tmp_path / "none")], Stop())
