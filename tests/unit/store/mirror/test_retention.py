from __future__ import annotations

import pytest

from store_forward.store.mirror.format import Header
from store_forward.store.mirror.retention import count_droppable


def header(number: int, base: int, last: int | None = None) -> Header:
    return Header(number, "k", "i", base, bytes(32), 0, 1, last)


RUNNING = [header(1, 0), header(2, 10), header(3, 20)]


@pytest.mark.parametrize(
    ("settled", "count"), [(0, 0), (9, 0), (10, 1), (19, 1), (20, 2), (1000, 2)]
)
def test_a_segment_goes_when_all_before_the_next_one_is_settled(settled: int, count: int) -> None:
    assert count_droppable(RUNNING, settled) == count


def test_the_segment_that_takes_the_appends_stays() -> None:
    assert count_droppable([header(1, 0)], 1000) == 0


def test_one_that_was_filled_later_with_older_entries_waits_for_those_before_it() -> None:
    segments = [header(1, 0), header(2, 10), header(3, 2, last=7), header(4, 20)]
    assert count_droppable(segments, 9) == 0
    assert count_droppable(segments, 10) == 1
    assert count_droppable(segments, 20) == 3


def test_one_that_cannot_be_read_goes_with_its_successor() -> None:
    segments = [header(1, 0), None, header(3, 20), header(4, 30)]
    assert count_droppable(segments, 19) == 0
    assert count_droppable(segments, 20) == 2
