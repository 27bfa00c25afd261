"""Stopping a thread where it waits, and keeping time for recordings."""

import threading

import pytest

from peer.media.pace import Pacer, Stop, StoppedError


def test_a_stop_ends_a_wait() -> None:
    stop, ended = Stop(), threading.Event()

    def wait() -> None:
        with pytest.raises(StoppedError):
            stop.wait(3600)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    stop.set()
    thread.join(30)
    assert ended.is_set()


def test_a_stop_wakes_what_is_not_its_own_wait() -> None:
    stop, woken = Stop(), threading.Event()
    stop.waking(woken.set)
    stop.set()
    assert woken.is_set()
    with pytest.raises(StoppedError):
        stop.check()


def test_what_stops_before_a_wait_begins_is_not_missed() -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(StoppedError):
        stop.waking(lambda: None)


def test_capture_times_advance_with_media_time() -> None:
    pacer = Pacer(Stop(), lambda: 1_000_000)
    pacer.wait(25_000)
    pacer.wait(26_000)
    assert pacer.captured(25_000) == 1_000_000
    assert pacer.captured(26_000) == 1_001_000


def test_what_is_far_too_late_moves_all_that_follows() -> None:
    pacer = Pacer(Stop(), lambda: 0)
    pacer.wait(10_000_000)
    assert pacer.captured(10_000_000) == 0
    pacer.wait(1_000_000)
    assert 9_000_000 <= pacer.captured(10_000_000) < 60_000_000
