"""Decoded frames on their way to the encoder: in order, and never too many."""

import threading

import av
import pytest

from peer.media.pace import Stop, StoppedError
from peer.media.reception import MAX_WAITING, Begun, Frame, Gone, Reception


def test_what_comes_too_fast_is_dropped_and_what_begins_and_ends_is_not() -> None:
    reception = Reception(Stop())
    reception.put(Begun(True, False))
    frame = av.VideoFrame(16, 16, "yuv420p")
    for arrival in range(MAX_WAITING + 50):
        reception.put(Frame(frame, arrival))
    reception.put(Gone())
    assert reception.get() == Begun(True, False)
    arrivals = []
    while isinstance(item := reception.get(), Frame):
        arrivals.append(item.arrival)
    assert arrivals == list(range(MAX_WAITING - 1))
    assert reception.dropped == 51
    assert item == Gone()


def test_stopping_wakes_whoever_waits() -> None:
    stop = Stop()
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(StoppedError):
        Reception(stop).get()
