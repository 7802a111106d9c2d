"""Room for a patient on a disk without any: what is tried, dropped and told."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from store_forward.store.errors import StoreFull, StoreUnavailable
from store_forward.store.refusals import refused_by_system
from store_forward.store.room import Ballast, lack_beside, on_any_disk

BALLAST_BYTES = 100_000


@pytest.fixture
def ballast(tmp_path: Path) -> Ballast:
    held = Ballast(tmp_path / "store.db", BALLAST_BYTES)
    assert held.hold()
    return held


def test_where_there_is_room_nothing_is_lacking_and_nothing_is_left_behind(tmp_path: Path) -> None:
    assert lack_beside(tmp_path / "store.db", 1_000_000) is None
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_can_measure_is_not_called_full(tmp_path: Path) -> None:
    assert lack_beside(tmp_path / "not-there" / "store.db", 1) is None


def test_a_start_with_room_leaves_the_ballast_alone(ballast: Ballast) -> None:
    assert on_any_disk(ballast, lambda: "started") == "started"
    assert ballast.held_bytes() == BALLAST_BYTES


def test_a_start_that_needs_more_than_there_is_gets_the_ballasts_room(ballast: Ballast) -> None:
    assert on_any_disk(ballast, lambda: start_without(ballast)) == "started"
    assert ballast.held_bytes() == 0


def test_without_a_ballast_a_full_disk_is_told(ballast: Ballast) -> None:
    ballast.drop()

    def start() -> str:
        raise StoreFull(ballast.path, "the disk is full", "Free space")

    with pytest.raises(StoreFull):
        on_any_disk(ballast, start)


def test_other_trouble_at_a_start_costs_no_ballast(ballast: Ballast) -> None:
    def start() -> str:
        raise StoreUnavailable(ballast.path, "an input/output error", "Check the disk")

    with pytest.raises(StoreUnavailable):
        on_any_disk(ballast, start)
    assert ballast.held_bytes() == BALLAST_BYTES


def test_a_quota_is_not_called_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    full = refused_by_system(path, OSError(errno.ENOSPC, "No space left on device"))
    quota = refused_by_system(path, OSError(errno.EDQUOT, "Disk quota exceeded"))
    assert isinstance(full, StoreFull)
    assert isinstance(quota, StoreFull)
    assert "Free space on this disk" in str(full)
    assert "Raise that quota" in str(quota)
    assert "disk is full" not in str(quota)


def start_without(ballast: Ballast) -> str:
    """A start that finds room only where the ballast was."""
    if ballast.held_bytes():
        raise StoreFull(ballast.path, "the disk is full", "Free space")
    return "started"
