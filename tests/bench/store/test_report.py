"""What the rows of the table say."""

from __future__ import annotations

from tests.bench.store.contenders import MIRRORED_STORE, PLAIN_STORE, RAW, SQLITE
from tests.bench.store.draining import Drained
from tests.bench.store.queued import Openings, Queued
from tests.bench.store.report import drained, elsewhere, enqueue, length

TOOK = {
    RAW: [[1.0], [1.0]],
    SQLITE: [[1.5], [1.5]],
    PLAIN_STORE: [[1.2], [1.2]],
    MIRRORED_STORE: [[2.2], [2.2]],
}


def test_an_entry_is_compared_with_the_disk_with_and_without_mirror() -> None:
    mirrored, plain = enqueue(TOOK, "here")
    assert (mirrored.measured, mirrored.is_met) == (2.2, False)
    assert (plain.measured, plain.is_met) == (1.2, True)
    assert "sqlite3, WAL and FULL, not encrypted 1.50 ×" in mirrored.detail


def test_a_slow_disk_has_its_own_targets() -> None:
    mirrored, plain = enqueue(TOOK, "+5 ms")
    assert (mirrored.target, plain.target) == (1.25, 1.15)


def test_a_queue_is_compared_with_the_best_of_the_others() -> None:
    figure = drained(
        Drained("our store", 100, 0.001),
        [Drained("slow", 100, 0.5), Drained("fast", 100, 0.01, [0.005, 0.01, 0.015])],
        target=6,
    )
    assert (figure.measured, figure.is_met) == (10, True)
    assert "mean of slices: 5000 at 5%, 10000 at 50%, 15000 at 95% drained" in figure.detail


def test_a_queue_that_is_not_faster_enough_is_no_success() -> None:
    ours, theirs = Drained("our store", 100, 0.01), Drained("fast", 100, 0.01)
    assert not drained(ours, [theirs], target=6).is_met


def test_a_long_queue_is_compared_with_a_short_one() -> None:
    found = Queued({"few": [[1.0]], "many": [[1.05]]}, Openings([0.004], [0.008]))
    appends, opening = length(found, 10_000, 1_000_000)
    assert (appends.measured, appends.is_met) == (1.05, True)
    assert "1,000,000" in appends.metric
    assert (round(opening.measured, 6), opening.is_met) == (6.0, True)


def test_rows_taken_elsewhere_say_where() -> None:
    assert all("outpost test --crash" in one.reason for one in elsewhere(None))
