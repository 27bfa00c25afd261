"""INPUT: what is understood, and the sentence for what is not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.media.source import (
    FileInput,
    HlsInput,
    Input,
    PatternInput,
    RtmpInput,
    RtspInput,
    SourceError,
    SrtInput,
    WhipInput,
    check_file,
    parse_input,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("test:", PatternInput(640, 360, 30)),
        ("test:?size=1280x720&fps=25", PatternInput(1280, 720, 25)),
        ("clip.mp4", FileInput("clip.mp4")),
        ("/videos/a clip?.mp4", FileInput("/videos/a clip?.mp4")),
        ("file:///videos/clip.mp4", FileInput("/videos/clip.mp4")),
        ("rtmp://127.0.0.1/live", RtmpInput("127.0.0.1", 1935, "live", "", True)),
        ("rtmp://[::1]:1936/live/key?mode=caller", RtmpInput("::1", 1936, "live", "key", False)),
        ("rtmp://host/live/k?token=a&mode=listener&b", RtmpInput("host", 1935, "live", "k?token=a&b", True)),
        ("srt://:9000", SrtInput("", 9000, True)),
        (
            "srt://[::1]:9000?mode=caller&passphrase=0123456789&pbkeylen=32&latency=200&streamid=%23a",
            SrtInput("::1", 9000, False, "0123456789", 32, 200, "#a"),
        ),
        ("whip://[::1]:8080", WhipInput("::1", 8080, "whip")),
        ("whip://0.0.0.0:8080/a/stage/?token=a%26b", WhipInput("0.0.0.0", 8080, "a/stage", "a&b")),
        ("rtsp://me:word@[::1]/yard?channel=1", RtspInput("rtsp://me:word@[::1]/yard?channel=1")),
        ("https://host/live.m3u8?token=a", HlsInput("https://host/live.m3u8?token=a")),
        ("HTTP://host:8080/a/live.M3U8", HlsInput("HTTP://host:8080/a/live.M3U8")),
    ],
)
def test_inputs_are_understood(text: str, expected: Input) -> None:
    assert parse_input(text) == expected


def test_an_rtmp_address_is_written_as_it_was_given() -> None:
    for text in ("rtmp://[::1]:1936/live/key", "rtmp://host:1935/live/k?token=a%20b"):
        source = parse_input(text)
        assert isinstance(source, RtmpInput)
        assert source.url == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("srt://0.0.0.0", "is no SRT address of the form"),
        ("srt://:9000?mode=caller", "is no SRT address of the form"),
        ("srt://host:9000/live", "is no SRT address of the form"),
        ("srt://:9000?passphrase=short", "has 10 to 64 characters"),
        ("srt://:9000?pbkeylen=20", "is 16, 24 or 32"),
        ("srt://:9000?latency=fast", "a number of milliseconds"),
        ("srt://:9000?latency=20000", "a number of milliseconds"),
        ("srt://:9000?streamid=a", "needs mode=caller"),
        ("srt://:9000?maxbw=1", "no option 'maxbw'"),
        ("srt://:9000?mode=rendezvous", "listener or caller"),
        ("udp://0.0.0.0:9000", "UDP input (udp://) is not built yet"),
        ("whip://0.0.0.0", "is no WHIP address of the form"),
        ("whip://:9000/stage", "is no WHIP address of the form"),
        ("whip://host:9000/a{b}", "is no WHIP address of the form"),
        ("whip://host:9000?mode=caller", "WHIP only listens"),
        ("whip://host:9000?key=a", "no option 'key'"),
        ("rtsp:///yard", "is no RTSP address of the form"),
        ("rtsp://camera:0/yard", "is no RTSP address of the form"),
        ("https://host/film.mp4", "is no HLS playlist of the form"),
        ("http:///live.m3u8", "is no HLS playlist of the form"),
        ("gopher://host", "gopher:// is no input that is known"),
        ("rtmp://host", "is no RTMP address of the form"),
        ("rtmp://host:99999/live", "is no RTMP address of the form"),
        ("rtmp:///live", "is no RTMP address of the form"),
        ("rtmp://host/live?mode=both", "listener or caller"),
        ("test:?size=640", "not of the form 640x360"),
        ("test:?size=641x361", "must be even"),
        ("test:?size=9000x9000", "between 320x180 and 1920x1080"),
        ("test:?fps=0", "from 1 to 60"),
        ("test:?color=red", "no option 'color'"),
    ],
)
def test_what_cannot_be_published_is_refused_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(SourceError) as refusal:
        parse_input(text)
    assert words in str(refusal.value)
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("test:?size=1280x720&fps=25", "a moving pattern, 1280x720 at 25 fps"),
        ("clip.mp4", "the file 'clip.mp4'"),
        ("rtmp://127.0.0.1/live", "RTMP at rtmp://127.0.0.1:1935/live, with any stream key"),
        ("rtmp://[::1]/live/hidden?a=hidden", "RTMP at rtmp://[::1]:1935/live, with your stream key"),
        ("rtmp://host/live/hidden?mode=caller", "RTMP from rtmp://host:1935/live"),
        ("srt://:9000?passphrase=hiddenhidden", "SRT at srt://:9000, with your passphrase"),
        ("srt://:9000", "SRT at srt://:9000, without a passphrase"),
        ("srt://host:9000?mode=caller&passphrase=hiddenhidden", "SRT from srt://host:9000"),
        ("whip://[::1]:8080/a?token=hidden", "WHIP at http://[::1]:8080/a, with your token"),
        ("whip://host:8080/a", "WHIP at http://host:8080/a, without a token"),
        ("rtsp://hidden:hidden@camera/yard?hidden", "RTSP from rtsp://camera/yard"),
        ("https://hidden@host/live.m3u8?token=hidden", "HLS from https://host/live.m3u8"),
    ],
)
def test_an_input_is_shown_without_its_secrets(text: str, shown: str) -> None:
    assert str(parse_input(text)) == shown


def test_an_address_that_cannot_be_read_is_quoted_without_its_secrets() -> None:
    for text in ("rtmp://me:hidden@host:99999/live?key=hidden", "rtmp://host?hidden"):
        with pytest.raises(SourceError) as refusal:
            parse_input(text)
        assert "hidden" not in str(refusal.value)


@given(
    st.text(max_size=40),
    st.sampled_from(
        [
            "",
            "test:",
            "test:?",
            "rtmp://",
            "rtmp://h/p?",
            "test:?size=",
            "rtsp://",
            "srt://:1?",
            "http://",
            "https://h/",
        ]
    ),
)
def test_any_text_is_an_input_or_a_sentence(text: str, prefix: str) -> None:
    try:
        parse_input(prefix + text)
    except SourceError:
        pass


def test_a_file_that_is_missing_or_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="There is no file"):
        check_file(str(tmp_path / "none.mp4"))
    with pytest.raises(SourceError, match="is a directory"):
        check_file(str(tmp_path))
    with pytest.raises(SourceError, match="no name that a file can have"):
        check_file("a\0b")
