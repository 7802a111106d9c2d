"""The status that core reads: at once when something changed, seldom when nothing did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store_forward.store.keys import StoreKey
from store_forward.store.network_status import SyncStatus
from store_forward.store.store import Role, Store
from store_forward.sync.engine import Shown
from store_forward.sync.publishing import REFRESH_SECONDS, StatusBoard, offset_seconds

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
ONLINE = Shown(True, "")


class Desk:
    """A status board on a real store, and core's view of it."""

    def __init__(self, path: Path) -> None:
        self.seconds = 0.0
        key = StoreKey("a1" * 32)
        self.store = Store.open(path, key, device="QH-K01", create=True)
        self.core = Store.open(path, key, device="QH-K01", role=Role.GUEST)
        self.core.changed()
        self.boot = "boot-1"
        self.board = self.new_board()

    def new_board(self) -> StatusBoard:
        board = StatusBoard(self.store.network_status, self.now, lambda: self.boot)
        board.load()
        return board

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def show(self, shown: Shown) -> None:
        self.board.show(shown, self.seconds)

    @property
    def status(self) -> SyncStatus | None:
        return self.core.network_status.read_status()


@pytest.fixture(name="desk")
def _desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "store.db")
    yield desk
    desk.core.close()
    desk.store.close()


def test_a_change_is_published_at_once_with_the_time_it_began(desk: Desk) -> None:
    desk.show(Shown(False, "starting"))
    desk.seconds = 2.0
    desk.board.note_contact()
    desk.show(ONLINE)
    assert desk.status == SyncStatus(True, "2026-03-02T01:00:02.000Z", "2026-03-02T01:00:02.000Z")


def test_another_reason_is_published_and_the_beginning_stays(desk: Desk) -> None:
    desk.show(Shown(False, "no_connection"))
    desk.seconds = 9.0
    desk.show(Shown(False, "wrong_authority"))
    assert desk.status == SyncStatus(False, "2026-03-02T01:00:00.000Z", reason="wrong_authority")


def test_when_nothing_changes_core_is_not_woken_for_a_minute(desk: Desk) -> None:
    desk.board.note_offset(0.2)
    desk.show(ONLINE)
    desk.core.changed()
    while desk.seconds + 5.0 < REFRESH_SECONDS:
        desk.seconds += 5.0
        desk.board.note_contact()
        desk.show(ONLINE)
    assert not desk.core.changed()
    desk.seconds = REFRESH_SECONDS
    desk.show(ONLINE)
    assert desk.status is not None
    assert desk.status.last_contact == "2026-03-02T01:00:55.000Z"


def test_the_jitter_of_the_network_is_no_change_of_the_clock(desk: Desk) -> None:
    desk.board.note_offset(10.04)
    desk.show(ONLINE)
    desk.core.changed()
    desk.board.note_offset(10.5)
    desk.show(ONLINE)
    assert not desk.core.changed()
    desk.board.note_offset(-300.0)
    desk.show(ONLINE)
    assert desk.status is not None
    assert desk.status.clock_offset_seconds == -300.0


def test_a_new_run_knows_the_last_contact_and_when_the_clock_was_compared(desk: Desk) -> None:
    desk.board.note_contact()
    desk.board.note_offset(3.0)
    desk.show(ONLINE)
    desk.seconds = 100.0
    desk.boot = "boot-2"
    desk.board = desk.new_board()
    desk.show(Shown(False, "starting"))
    since, contact = "2026-03-02T01:01:40.000Z", "2026-03-02T01:00:00.000Z"
    assert desk.status == SyncStatus(False, since, contact, 3.0, "starting", "boot-1")


def test_the_same_offset_measured_after_a_restart_of_the_machine_is_news(desk: Desk) -> None:
    desk.board.note_offset(3.0)
    desk.show(ONLINE)
    desk.boot = "boot-2"
    desk.board = desk.new_board()
    desk.board.note_offset(3.2)
    desk.show(ONLINE)
    assert desk.status is not None
    assert (desk.status.clock_offset_seconds, desk.status.clock_boot) == (3.2, "boot-2")


def test_the_clock_offset_is_taken_in_the_middle_of_the_exchange() -> None:
    asked, answered = START, START + timedelta(seconds=4)
    assert offset_seconds("2026-03-02T01:00:12Z", asked, answered) == 10.0
    assert offset_seconds("2026-03-02T09:00:02+08:00", asked, answered) == 0.0


@pytest.mark.parametrize("text", ["", "yesterday", "2026-03-02T01:00:00", "2026-13-01T00:00:00Z"])
def test_a_gateway_time_that_is_none_is_not_used(text: str) -> None:
    assert offset_seconds(text, START, START) is None
