"""The way to the gateway: quick to doubt, slow to believe again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_forward.sync.link import PROBE_DOWN_SECONDS, Link, answered, failed, reason_of, stirred
from store_forward.sync.outcomes import (
    Distrusted,
    Failure,
    Obstacle,
    Refused,
    TimedOut,
    Unreachable,
    Unreadable,
)

LOST = Unreachable(Obstacle.CONNECTION_LOST, "")
NO_WAY = Unreachable(Obstacle.NO_CONNECTION, "")


def up(at: float = 0.0) -> Link:
    return answered(Link(), at)


def down(at: float = 0.0) -> Link:
    return failed(up(at), NO_WAY, at, 1.0)


def test_the_first_answer_after_a_start_is_enough() -> None:
    assert not Link().is_up
    assert up().is_up


def test_after_a_failed_start_two_answers_are_needed() -> None:
    link = failed(Link(), NO_WAY, 0.0, 0.5)
    assert not answered(link, 1.0).is_up
    assert answered(answered(link, 1.0), 1.5).is_up


def test_a_single_lost_connection_only_raises_doubt() -> None:
    link = failed(up(), LOST, 1.0, 0.5)
    assert link.is_up
    assert link.probe_at == pytest.approx(1.5)


def test_two_failures_in_a_row_take_it_down() -> None:
    link = failed(failed(up(), LOST, 1.0, 0.5), LOST, 1.5, 0.5)
    assert not link.is_up
    assert link.reason == "connection_lost"


def test_an_answer_between_two_failures_clears_the_doubt() -> None:
    link = answered(failed(up(), LOST, 1.0, 0.5), 1.5)
    assert failed(link, LOST, 2.0, 0.5).is_up


def test_one_failure_after_long_silence_takes_it_down() -> None:
    assert not failed(up(0.0), TimedOut(""), 8.0, 0.5).is_up


def test_a_refused_connection_takes_it_down_at_once() -> None:
    link = failed(up(), NO_WAY, 1.0, 0.5)
    assert not link.is_up
    assert link.reason == "no_connection"


def test_coming_back_needs_two_answers_close_together() -> None:
    link = answered(down(), 10.0)
    assert not link.is_up
    assert link.probe_at == pytest.approx(10.5)
    assert answered(link, 10.5).is_up


def test_an_answer_and_a_failure_while_down_start_the_count_anew() -> None:
    link = failed(answered(down(), 10.0), LOST, 10.5, 0.5)
    assert not answered(link, 12.0).is_up


@given(st.integers(1, 50), st.floats(0, 1))
def test_a_returning_network_is_looked_for_soon_however_long_it_was_away(
    failures: int, jitter: float
) -> None:
    link, at = down(), 0.0
    for _ in range(failures):
        at = link.probe_at
        link = failed(link, NO_WAY, at, jitter)
        assert PROBE_DOWN_SECONDS / 2 <= link.probe_at - at <= PROBE_DOWN_SECONDS


def test_a_stirred_connection_is_looked_at_now_but_only_while_up() -> None:
    assert stirred(up(0.0), 1.0).probe_at == 1.0
    assert stirred(down(0.0), 0.1).probe_at == down(0.0).probe_at


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Unreachable(Obstacle.WRONG_AUTHORITY, ""), "wrong_authority"),
        (TimedOut(""), "no_answer"),
        (Refused(401), "not_recognised"),
        (Refused(403), "not_recognised"),
        (Refused(503), "gateway_unavailable"),
        (Refused(404), "gateway_refuses"),
        (Unreadable(""), "unreadable_answer"),
        (Distrusted(""), "forged_receipt"),
    ],
)
def test_every_failure_has_a_machine_word(failure: Failure, reason: str) -> None:
    assert reason_of(failure) == reason
