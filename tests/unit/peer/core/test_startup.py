"""Starting over HTTP and staying there for want of links."""

from __future__ import annotations

from peer.core.actions import Fetch, Join
from peer.core.startup import AHEAD, JOIN_TIMEOUT, RETRY, STARTUP_SECONDS, UNFED_SECONDS, Startup


def joined() -> Startup:
    startup = Startup(True, 0.0)
    startup.poll(True, 1, -1, 0.0)
    startup.joined(0.1)
    return startup


def test_without_an_origin_links_are_all_there_is() -> None:
    startup = Startup(False, 0.0)
    assert startup.may_subscribe(True, 0.0)
    assert not startup.active(False, True, False, 60.0)


def test_subscriptions_wait_for_the_join_but_not_for_long() -> None:
    startup = Startup(True, 0.0)
    assert not startup.may_subscribe(True, 0.9)
    assert startup.may_subscribe(True, 1.1)
    assert joined().may_subscribe(True, 0.2)
    assert not joined().may_subscribe(False, 0.2)


def test_join_is_asked_once_and_again_when_it_fails() -> None:
    startup = Startup(True, 0.0)
    assert startup.poll(True, 1, -1, 0.0) == [Join()]
    assert startup.poll(True, 1, -1, 0.1) == []
    startup.join_failed(3.0, 0.2)
    assert startup.poll(True, 1, -1, 3.1) == []
    assert startup.poll(True, 1, -1, 3.3) == [Join()]
    startup.join_failed(0.0, 3.4)
    assert startup.poll(True, 1, -1, 3.4 + RETRY) == [Join()]


def test_join_without_an_answer_is_asked_again() -> None:
    startup = Startup(True, 0.0)
    startup.poll(True, 1, -1, 0.0)
    assert startup.poll(True, 1, -1, JOIN_TIMEOUT + 0.1) == []
    assert startup.poll(True, 1, -1, JOIN_TIMEOUT + RETRY + 0.2) == [Join()]


def test_part_after_part_is_fetched_a_little_ahead() -> None:
    startup = joined()
    assert startup.poll(True, 1, -1, 0.1) == []
    assert startup.poll(True, 1, 9, 0.1) == [Fetch(1, 9 + n) for n in range(1, AHEAD + 1)]
    assert startup.poll(True, 1, 9, 0.2) == []
    startup.fetched(10)
    assert startup.poll(True, 1, 10, 0.3) == [Fetch(1, 12)]


def test_failed_fetch_is_tried_again_and_a_gone_part_joins_anew() -> None:
    startup = joined()
    startup.poll(True, 1, 9, 0.1)
    startup.fetch_failed(10, False, 0.2)
    startup.fetch_failed(99, True, 0.2)
    assert startup.poll(True, 1, 9, 0.3) == []
    assert startup.poll(True, 1, 9, 0.2 + RETRY) == [Fetch(1, 10)]
    startup.fetch_failed(10, True, 1.0)
    assert startup.poll(True, 1, 9, 1.0) == [Join()]


def test_failed_fetch_does_not_ask_again_for_what_is_still_awaited() -> None:
    startup = joined()
    startup.poll(True, 1, 9, 0.1)
    startup.fetch_failed(11, False, 0.2)
    assert startup.poll(True, 1, 9, 0.2 + RETRY) == [Fetch(1, 11)]


def test_fetch_without_an_answer_does_not_hold_its_place_for_ever() -> None:
    startup = joined()
    startup.poll(True, 1, 9, 0.1)
    assert startup.poll(True, 1, 11, JOIN_TIMEOUT + 1.0) == [Fetch(1, 12), Fetch(1, 13)]


def test_links_take_over_and_http_comes_back_when_none_feeds() -> None:
    startup = joined()
    assert startup.active(False, True, False, 0.2)
    assert not startup.active(True, False, False, 0.3)
    assert not startup.active(False, False, False, 0.4)
    assert not startup.active(False, True, False, 1.0)
    assert startup.active(False, True, False, 1.0 + UNFED_SECONDS + 0.1)
    assert not startup.active(True, False, False, 3.0)


def test_start_ends_though_some_stripe_was_never_fed() -> None:
    startup = joined()
    assert startup.active(False, False, False, STARTUP_SECONDS - 0.1)
    assert not startup.active(False, False, False, STARTUP_SECONDS + 0.1)


def test_new_epoch_joins_again_unless_links_feed() -> None:
    startup = joined()
    startup.begin(1.0)
    assert startup.poll(True, 2, -1, 1.0) == [Join()]
    fed = joined()
    fed.active(True, False, False, 0.5)
    fed.begin(1.0)
    assert fed.poll(True, 2, 3, 1.0) == [Fetch(2, 4), Fetch(2, 5)]


def test_without_links_everything_comes_over_http() -> None:
    startup = joined()
    startup.active(True, False, False, 0.2)
    startup.http_only = True
    assert startup.active(True, False, False, 60.0)


def test_what_was_asked_is_asked_anew_after_a_time_on_links() -> None:
    startup = joined()
    startup.poll(True, 1, 9, 0.1)
    assert startup.poll(False, 1, 30, 0.2) == []
    assert startup.poll(True, 1, 30, JOIN_TIMEOUT + 1.0) == [Fetch(1, 31), Fetch(1, 32)]


def test_plan_leaves_us_to_the_origin_until_links_feed_all_again() -> None:
    startup = joined()
    assert not startup.active(True, False, False, 1.0)
    assert startup.active(False, True, True, 60.0)
    assert startup.active(False, False, False, 60.0 + STARTUP_SECONDS - 0.1)
    assert not startup.active(True, False, False, 60.0 + STARTUP_SECONDS - 0.1)


def test_join_that_was_refused_is_not_asked_for_once_links_have_fed_all() -> None:
    startup = Startup(True, 0.0)
    startup.poll(True, 1, -1, 0.0)
    startup.join_failed(3.0, 0.2)
    startup.active(True, False, False, 1.0)
    assert startup.poll(True, 1, 9, 1.1) == [Fetch(1, 10), Fetch(1, 11)]


def test_origin_has_answered_when_a_part_has_come() -> None:
    startup = Startup(True, 0.0)
    assert not startup.answered
    startup.fetched(7)
    assert startup.answered
