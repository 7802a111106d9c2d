"""What core believes of its clock when sync, core or the machine was restarted without network."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from firmware.core.clocks import Clock
from firmware.core.entries import entry_of
from firmware.core.gates import why_no_sale
from firmware.core.profile import profile_of
from firmware.core.surroundings import StoreSurroundings
from firmware.messages.views import Reason
from store_forward.contract.facts import ClockTrust, KioskStarted
from store_forward.store.network_status import SyncStatus
from store_forward.store.store import Store
from store_forward.sync.engine import Shown
from store_forward.sync.publishing import StatusBoard
from tests.fakes import made_up_clinic as clinic
from tests.fakes.core_process import DEPLOYMENT, KEY
from tests.fakes.small_ballast import small_ballast
from tests.fakes.stocked_store import stock

OFFLINE = Shown(False, "no_connection")


class Machine:
    """A kiosk that was online and is not any more; its processes come and go, and so may it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.seconds = 100.0
        self.boot = "boot-1"
        self.is_kept = True
        self.wall_at_zero = clinic.MORNING - timedelta(seconds=self.seconds)
        self._ids = (f"id-{n}" for n in count(1))
        stock(store)
        store.network_status.write_status(SyncStatus(online=False, since="", reason="starting"))
        self.start_sync()
        self.sync.note_contact()
        self.sync.note_offset(0.2)
        self.sync.show(OFFLINE, self.seconds)
        self.start_core()

    def start_sync(self) -> None:
        self.sync = StatusBoard(
            self.store.network_status, lambda: self.clock.wall(), lambda: self.boot
        )
        self.sync.load()
        self.sync.show(Shown(False, "starting"), self.seconds)

    def start_core(self) -> None:
        self.core = StoreSurroundings(
            self.store,
            profile_of(DEPLOYMENT),
            self.clock,
            self._ids,
            small_ballast(self.store),
        )
        self.core.refresh()

    def records(self) -> None:
        world = self.core.world()
        new_id = next(self._ids)
        self.store.journal.append(
            [entry_of(KioskStarted("test", None), world, new_id=new_id, boot=self.boot)]
        )

    def reboots(self, off: timedelta, *, is_kept: bool, loses: timedelta = timedelta()) -> None:
        """Power is away for a while; the clock goes on, or loses time."""
        wall = self.clock.wall() + off - loses
        self.boot, self.seconds, self.is_kept = "boot-2", 5.0, is_kept
        self.wall_at_zero = wall - timedelta(seconds=self.seconds)
        self.start_core()
        self.start_sync()
        self.core.refresh()

    @property
    def clock(self) -> Clock:
        return Clock(
            lambda: self.seconds,
            lambda: self.wall_at_zero + timedelta(seconds=self.seconds),
            lambda: self.boot,
            lambda _wall: self.is_kept,
        )

    @property
    def trust(self) -> ClockTrust:
        return self.core.world().clock

    @property
    def may_sell(self) -> bool:
        return why_no_sale(self.core.world()) is Reason.NONE


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Iterator[Machine]:
    with Store.open(tmp_path / "store.db", KEY, device="kiosk-7", create=True) as store:
        yield Machine(store)


SHORT = timedelta(minutes=5)


def test_a_restart_of_sync_stops_no_sale(machine: Machine) -> None:
    assert machine.may_sell
    machine.start_sync()
    machine.core.refresh()
    assert machine.may_sell


def test_a_status_without_the_offset_takes_nothing_away(machine: Machine) -> None:
    machine.store.network_status.write_status(SyncStatus(online=False, since=""))
    machine.core.refresh()
    assert machine.trust is ClockTrust.SYNCHRONISED


def test_restarts_of_sync_and_core_stop_no_sale(machine: Machine) -> None:
    machine.is_kept = False
    machine.start_sync()
    machine.start_core()
    assert machine.may_sell


def test_a_clock_that_is_set_meanwhile_is_still_noticed(machine: Machine) -> None:
    machine.start_sync()
    machine.core.refresh()
    machine.wall_at_zero += timedelta(hours=2)
    assert machine.trust is ClockTrust.UNSYNCHRONISED
    assert not machine.may_sell


def test_after_a_reboot_a_clock_with_a_battery_is_believed(machine: Machine) -> None:
    machine.reboots(SHORT, is_kept=True)
    assert machine.may_sell


def test_after_a_reboot_a_clock_without_one_is_not(machine: Machine) -> None:
    machine.reboots(SHORT, is_kept=False)
    assert machine.trust is ClockTrust.UNSYNCHRONISED
    assert not machine.may_sell


def test_a_clock_before_the_last_contact_is_wrong_battery_or_not(machine: Machine) -> None:
    machine.reboots(SHORT, is_kept=True, loses=timedelta(hours=1))
    assert machine.trust is ClockTrust.INVALID


def test_so_is_one_before_what_was_last_recorded(machine: Machine) -> None:
    machine.seconds += 1200
    machine.records()
    machine.reboots(SHORT, is_kept=True, loses=timedelta(minutes=15))
    assert machine.trust is ClockTrust.INVALID


def test_the_first_word_of_the_gateway_settles_it(machine: Machine) -> None:
    machine.reboots(SHORT, is_kept=False)
    machine.sync.note_contact()
    machine.sync.note_offset(290.0)
    machine.sync.show(OFFLINE, machine.seconds)
    machine.core.refresh()
    assert machine.may_sell


def test_where_the_boot_cannot_be_named_only_a_battery_helps_a_new_core(machine: Machine) -> None:
    machine.boot, machine.is_kept = "", False
    machine.sync.note_offset(0.2)
    machine.sync.show(OFFLINE, machine.seconds)
    machine.start_core()
    assert not machine.may_sell
    machine.is_kept = True
    machine.start_core()
    assert machine.may_sell
