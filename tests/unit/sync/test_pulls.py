"""Reference sets and leases: all at once at the start, then each in its own round."""

from __future__ import annotations

import math

from store_forward.sync.outcomes import Refused, TimedOut
from store_forward.sync.pulls import (
    LEASES,
    MARK,
    facts_were_sent,
    first_pulls,
    link_came_up,
    mark_wanted,
    next_pull,
    pull_failed,
    pulled,
)


def test_at_the_start_everything_is_due_and_leases_come_first() -> None:
    pulls, order = first_pulls(), []
    for _ in range(5):
        name, due_at = next_pull(pulls)
        assert due_at == 0.0
        order.append(name)
        pulls = pulled(pulls, name, is_complete=True, at=1.0, jitter=0.5)
    assert order == ["leases", "departments", "doctors", "schedules", "mark"]


def test_a_complete_pull_comes_again_in_a_minute_or_a_little_less() -> None:
    pulls = pulled(first_pulls(), "doctors", is_complete=True, at=100.0, jitter=0.5)
    assert pulls["doctors"].due_at == 157.0


def test_a_pull_with_more_to_come_goes_on_at_once() -> None:
    pulls = pulled(first_pulls(), "doctors", is_complete=False, at=100.0, jitter=0.5)
    assert pulls["doctors"].due_at == 100.0


def test_a_failed_pull_waits_longer_each_time_and_hinders_no_other() -> None:
    pulls = first_pulls()
    dues = []
    for _ in range(9):
        pulls = pull_failed(pulls, "doctors", at=0.0, jitter=1.0, failure=TimedOut(""))
        dues.append(pulls["doctors"].due_at)
    assert dues == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert pulls["schedules"].due_at == 0.0


def test_a_pull_honours_retry_after() -> None:
    failure = Refused(503, retry_after_seconds=45.0)
    assert pull_failed(first_pulls(), LEASES, 0.0, 1.0, failure)[LEASES].due_at == 45.0


def test_sales_bring_the_next_lease_renewal_forward_but_not_too_often() -> None:
    pulls = pulled(first_pulls(), LEASES, is_complete=True, at=100.0, jitter=0.0)
    assert facts_were_sent(pulls, 103.0)[LEASES].due_at == 110.0
    assert facts_were_sent(pulls, 130.0)[LEASES].due_at == 130.0
    assert facts_were_sent(pulls, 170.0)[LEASES].due_at == 160.0


def test_a_new_way_ends_the_waiting_of_failed_pulls_only() -> None:
    pulls = pulled(first_pulls(), "doctors", is_complete=True, at=100.0, jitter=0.0)
    pulls = pull_failed(pulls, LEASES, at=100.0, jitter=1.0)
    pulls = link_came_up(pulls, 100.2)
    assert pulls[LEASES].due_at == 100.2
    assert pulls["doctors"].due_at == 160.0


def test_the_mark_is_asked_once_for_each_way_to_the_gateway() -> None:
    pulls = pulled(first_pulls(), MARK, is_complete=True, at=100.0, jitter=0.0)
    assert pulls[MARK].due_at == math.inf
    assert link_came_up(pulls, 500.0)[MARK].due_at == 500.0


def test_a_doubted_mark_is_asked_again_but_not_at_once() -> None:
    pulls = pulled(first_pulls(), MARK, is_complete=True, at=100.0, jitter=0.0)
    assert mark_wanted(pulls, 100.0)[MARK].due_at == 160.0


def test_what_nobody_needs_is_not_due() -> None:
    assert next_pull(first_pulls(), ("doctors",)) == ("doctors", 0.0)
