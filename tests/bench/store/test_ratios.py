"""How rounds of times become one ratio."""

from __future__ import annotations

import pytest

from tests.bench.store.ratios import flat, p50, ratio

DISK = [[1.0, 1.0, 9.0], [2.0, 2.0, 2.0], [10.0, 10.0, 10.0], [4.0, 4.0, 4.0]]
OURS = [[3.0, 3.0, 3.0], [4.0, 4.0, 90.0], [15.0, 15.0, 15.0], [8.0, 8.0, 8.0]]


def test_each_round_is_compared_within_itself() -> None:
    found = ratio(OURS, DISK)
    assert (found.low, found.median, found.high, found.rounds) == (1.5, 2.0, 3.0, 4)


def test_the_quiet_quarter_is_chosen_by_the_disk_alone() -> None:
    assert ratio(OURS, DISK).quiet == 3.0


def test_all_puts_together_are_told_too() -> None:
    assert ratio(OURS, DISK).overall == p50(OURS) / p50(DISK) == 8.0 / 4.0


def test_rounds_that_do_not_belong_together_are_not_compared() -> None:
    with pytest.raises(ValueError, match="argument"):
        ratio(OURS, DISK[:2])


def test_a_median_is_of_puts_not_of_rounds() -> None:
    assert flat([[1.0], [2.0, 3.0]]) == [1.0, 2.0, 3.0]
    assert p50([[1.0], [2.0, 3.0]]) == 2.0
