"""What core measures of its store, disk and queue, and when it lets nothing new begin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import msgspec
import pytest

from firmware.config.model import Limits
from firmware.core.clocks import Clock
from firmware.core.pressure import ENTRY_BYTES, STANDING_BYTES
from firmware.core.profile import profile_of
from firmware.core.surroundings import HOLD_AGAIN_SECONDS, StoreSurroundings
from firmware.messages.views import Reason
from store_forward.contract.facts import ClockTrust
from store_forward.store.driver import Access, open_connection
from store_forward.store.network_status import SyncStatus
from store_forward.store.room import Ballast, room_beside
from store_forward.store.store import Store
from tests.fakes import made_up_clinic as clinic
from tests.fakes.core_process import DEPLOYMENT, KEY
from tests.fakes.stocked_store import AS_OF, stock
from tests.unit.store.builders import accepted, confirmed, entry, receipt

LIMITS = Limits(queue_max_entries=100, queue_max_age_hours=10)
HERE = "boot-1"


class Kiosk:
    """Core's surroundings over a real store, with a clock in the test's hand."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.hours = 0.0
        self.set_ahead = timedelta()
        self.ballast = Ballast(store.path, 500_000)
        stock(store)
        self.contact()
        deployment = msgspec.structs.replace(DEPLOYMENT, limits=LIMITS)
        clock = Clock(lambda: self.hours * 3600, self._wall, lambda: HERE, lambda _wall: True)
        ids = (f"id-{n}" for n in count(1))
        self.core = StoreSurroundings(store, profile_of(deployment), clock, ids, self.ballast)
        self.core.refresh()

    def _wall(self) -> datetime:
        return clinic.MORNING + timedelta(hours=self.hours) + self.set_ahead

    def contact(self, journal: str = "") -> None:
        """Sync has heard of the gateway."""
        status = SyncStatus(True, AS_OF, AS_OF, 0.0, clock_boot=HERE, journal=journal)
        self.store.network_status.write_status(status)

    def queue(self, number: int, clock: ClockTrust = ClockTrust.SYNCHRONISED) -> None:
        """So many entries, made at 01:30 as the morning begins."""
        made = [
            msgspec.structs.replace(entry(n), occurred_at="2026-07-13T01:30:00.000Z", clock=clock)
            for n in range(number)
        ]
        self.store.journal.append(made)
        self.core.refresh()

    def acknowledge(self, last: int) -> None:
        """The gateway has the entries up to this one."""
        first = self.store.outbox.acked_seq() + 1
        answer = receipt(self.store, first, last), accepted(first, last)
        self.store.outbox.record_answer(*answer)
        self.core.refresh()

    def why_paused(self) -> Reason:
        self.core.refresh_if_changed()
        return self.core.world().paused


@pytest.fixture(name="kiosk")
def _kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    with Store.open(tmp_path / "store.db", KEY, device="kiosk-7", create=True) as store:
        yield Kiosk(store)


def test_a_kiosk_that_may_not_send_stops_selling_and_goes_on_when_it_has_sent(
    kiosk: Kiosk,
) -> None:
    kiosk.queue(99)
    assert kiosk.why_paused() is Reason.NONE
    kiosk.queue(1)
    assert kiosk.why_paused() is Reason.QUEUE_FULL
    kiosk.acknowledge(20)
    assert kiosk.why_paused() is Reason.QUEUE_FULL
    kiosk.acknowledge(21)
    assert kiosk.why_paused() is Reason.NONE


def test_entries_that_wait_too_long_stop_the_sale_until_they_are_sent(kiosk: Kiosk) -> None:
    kiosk.queue(2)
    kiosk.hours = 9.9
    assert kiosk.why_paused() is Reason.NONE
    kiosk.hours = 10.1
    assert kiosk.why_paused() is Reason.QUEUE_FULL
    kiosk.acknowledge(2)
    assert kiosk.why_paused() is Reason.NONE


def test_what_the_gateway_refused_and_staff_know_of_holds_up_no_other_patient(
    kiosk: Kiosk,
) -> None:
    kiosk.queue(1)
    kiosk.hours = 11
    kiosk.store.outbox.park(1, "unprocessable")
    kiosk.core.refresh()
    assert kiosk.why_paused() is Reason.QUEUE_FULL
    kiosk.store.outbox.note_reported([1])
    kiosk.core.refresh()
    assert kiosk.why_paused() is Reason.NONE


@pytest.mark.parametrize("jump", [timedelta(days=365), timedelta(days=-365)])
def test_a_clock_that_jumps_by_a_year_does_not_make_the_queue_old(
    kiosk: Kiosk, jump: timedelta
) -> None:
    kiosk.queue(2)
    kiosk.set_ahead = jump
    assert kiosk.why_paused() is Reason.NONE


def test_an_entry_of_a_wrong_clock_does_not_make_the_queue_old(kiosk: Kiosk) -> None:
    kiosk.queue(1, clock=ClockTrust.INVALID)
    kiosk.hours = 11
    assert kiosk.why_paused() is Reason.NONE


@pytest.mark.parametrize("journal", ["rolled_back", "other_chain", "fenced"])
def test_a_journal_that_the_gateway_contradicts_sells_nothing(kiosk: Kiosk, journal: str) -> None:
    kiosk.contact(journal)
    kiosk.core.refresh()
    assert kiosk.why_paused() is Reason.STORE_DOUBTED
    kiosk.contact()
    kiosk.core.refresh()
    assert kiosk.why_paused() is Reason.NONE


def test_room_for_a_session_is_held_beside_the_store_and_counts_as_ours(kiosk: Kiosk) -> None:
    assert kiosk.ballast.held_bytes() == 500_000
    blocks = kiosk.ballast.path.stat().st_blocks
    assert blocks * 512 >= 500_000
    assert kiosk.ballast.drop()
    assert not kiosk.ballast.drop()
    assert kiosk.why_paused() is Reason.NONE
    assert kiosk.ballast.held_bytes() == 500_000


def test_where_the_room_for_a_session_cannot_be_held_nothing_new_begins(kiosk: Kiosk) -> None:
    """A quota, for instance, which the disk's free room does not show."""
    assert kiosk.ballast.drop()
    kiosk.ballast.size = 1 << 62
    assert kiosk.why_paused() is Reason.STORE_FULL
    kiosk.ballast.size = 500_000
    assert kiosk.why_paused() is Reason.STORE_FULL
    kiosk.hours += HOLD_AGAIN_SECONDS / 3600
    assert kiosk.why_paused() is Reason.NONE


def test_the_room_is_that_of_an_ordinary_user(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    room = room_beside(tmp_path / "store.db")
    assert abs(room.bytes - disk.f_bavail * disk.f_frsize) < 10**9
    assert room.files is None or room.files > 0


def test_an_entry_takes_no_more_room_than_is_reckoned_with(tmp_path: Path) -> None:
    """A reader keeps the log from being copied into the main file, as sync may for a while."""
    path = tmp_path / "store.db"

    def used() -> int:
        files = [file for file in tmp_path.rglob("*") if file.is_file()]
        return sum(file.stat().st_blocks * 512 for file in files)

    with Store.open(path, KEY, device="kiosk-7", create=True) as store:
        store.journal.append([confirmed(n, f"order-{n}", f"slot-{n}") for n in range(2000)])
        reader = open_connection(path, KEY, Access.READ)
        reading = reader.stream("SELECT seq FROM event")
        next(reading)
        before, entries = used(), 100
        for n in range(entries):
            store.journal.append([confirmed(n, f"order-a{n}", f"slot-a{n}")])
        grown = used() - before
        assert len(list(reading)) > 0
        reader.close()
    assert grown < STANDING_BYTES + entries * ENTRY_BYTES
    assert used() - before < STANDING_BYTES + entries * ENTRY_BYTES
