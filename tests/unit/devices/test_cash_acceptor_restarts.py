"""Power lost and workers restarted with a note inside: never credited twice, never unsaid."""

from __future__ import annotations

import pytest

from devices.cash_acceptor.emulator import CcnetEmulator
from devices.driver import Link, LinkLost
from devices.messages import (
    DeviceState,
    DeviceStatus,
    NoteInEscrow,
    NoteLocated,
    NoteOutcome,
    NoteReturned,
    NoteStacked,
    ReturnNote,
    StartCashIn,
)
from tests.unit.devices.bench_of_devices import ALL_NOTES, CashBench, undecided


@pytest.mark.parametrize("after_seconds", [0.2, 0.6, 0.9, 1.0, 1.2, 1.35, 1.45, 1.6])
def test_power_lost_at_any_moment_of_a_note_never_credits_what_is_not_stacked(
    after_seconds: float,
) -> None:
    bench = CashBench().start()
    bench.machine.feed(100)
    bench.run(after_seconds)
    bench.machine.power_cycle()
    bench.run(16.0)
    announced = len(bench.said(NoteInEscrow))
    assert bench.credited_fen == bench.stacked_fen
    assert len(bench.said(NoteStacked)) + len(bench.said(NoteReturned)) >= announced
    assert bench.last(DeviceStatus).state is DeviceState.ONLINE


def test_an_outcome_the_machine_never_tells_is_unknown_not_guessed() -> None:
    bench = CashBench(CcnetEmulator(reports_after_power_up=False)).start()
    bench.machine.feed(100)
    bench.run(1.1)
    bench.machine.power_cycle()
    bench.run(16.0)
    assert bench.said(NoteStacked) == []
    assert bench.said(NoteLocated) == [NoteLocated("cash1", "note-1", NoteOutcome.UNKNOWN)]


class LostAtTheBillTable:
    """A link that is gone as soon as the bill table is asked for."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def read(self, wait_seconds: float) -> bytes:
        return self._link.read(wait_seconds)

    def write(self, data: bytes) -> None:
        if data[3] == 0x41:
            raise LinkLost("unplugged")
        self._link.write(data)

    def close(self) -> None:
        self._link.close()


class FedAtOnce:
    """A link to a machine at whose slot a note lies whenever the driver waits, however shortly."""

    def __init__(self, link: Link, machine: CcnetEmulator) -> None:
        self._link = link
        self._machine = machine

    def read(self, wait_seconds: float) -> bytes:
        if wait_seconds > 0:
            self._machine.feed(20)
        return self._link.read(wait_seconds)

    def write(self, data: bytes) -> None:
        self._link.write(data)

    def close(self) -> None:
        self._link.close()


def restarted(bench: CashBench) -> CashBench:
    """The worker died without a farewell; a new one opens the same port."""
    return CashBench(bench.machine, clock=bench.clock, prefix="second")


def test_a_new_worker_gives_back_a_note_its_predecessor_left_in_escrow() -> None:
    first = CashBench(decides=undecided).start()
    first.feed(50, seconds_each=1.5)
    second = restarted(first)
    second.run(3.0)
    assert second.said(NoteReturned) == [NoteReturned("cash1", None, 5000)]
    assert second.machine.cassette == []


def test_a_new_worker_reports_the_stacking_its_predecessor_ordered() -> None:
    first = CashBench().start()
    first.feed(50, seconds_each=1.0)
    assert first.said(NoteStacked) == []
    second = restarted(first)
    second.run(3.0)
    assert second.said(NoteStacked) == [NoteStacked("cash1", None, 5000)]
    assert second.stacked_fen == 5000


def test_a_worker_that_dies_before_passing_the_credit_on_leaves_it_to_its_successor() -> None:
    first = CashBench().start()
    first.machine.feed(50)
    while not first.said(NoteStacked):
        first.take(first.driver.run_once())
    second = restarted(first)
    second.run(3.0)
    assert second.said(NoteStacked) == [NoteStacked("cash1", None, 5000)]


def test_a_worker_that_dies_before_it_knows_the_worth_of_a_note_leaves_it_too() -> None:
    first = CashBench().start()
    first.feed(50, seconds_each=1.0)
    second = CashBench(
        first.machine, lambda link, _clock: LostAtTheBillTable(link), clock=first.clock
    )
    with pytest.raises(LinkLost):
        second.run(3.0)
    third = restarted(second)
    third.run(3.0)
    assert second.said(NoteStacked) == []
    assert third.said(NoteStacked) == [NoteStacked("cash1", None, 5000)]


def test_a_worker_that_ends_before_passing_the_credit_on_leaves_it_too() -> None:
    first = CashBench().start()
    first.machine.feed(50)
    while not first.said(NoteStacked):
        first.take(first.driver.run_once())
    first.driver.close()  # its supervisor was gone: nobody has read the event
    second = restarted(first)
    second.run(3.0)
    assert second.said(NoteStacked) == [NoteStacked("cash1", None, 5000)]


@pytest.mark.parametrize("masks_at_rest_only", [False, True])
@pytest.mark.parametrize("left_in", ["idling", "accepting", "escrow", "returning"])
def test_a_new_worker_stops_notes_at_once_however_fast_they_come(
    left_in: str, masks_at_rest_only: bool
) -> None:
    machine = CcnetEmulator(takes_masks_at_rest_only=masks_at_rest_only)
    first = CashBench(machine, decides=undecided).start()
    first.feed(50, seconds_each=0.0)
    while left_in not in ("idling", machine.state()["phase"]):
        first.run(0.1)
        if left_in == "returning" and first.said(NoteInEscrow):
            first.tell(ReturnNote("cash1", "note-1"))
    second = CashBench(
        machine, lambda link, clock: FedAtOnce(link, machine), clock=first.clock, prefix="second"
    )
    second.run(20.0)
    assert second.last(DeviceStatus).state is DeviceState.ONLINE
    assert machine.state()["accepts_yuan"] == []
    assert len(machine.returned) <= 2
    assert second.said(NoteInEscrow) == []
    assert second.said(NoteStacked) == []
    second.tell(StartCashIn("cash1", ALL_NOTES))
    second.run(10.0)
    assert second.credited_fen == second.stacked_fen > 0


def test_a_note_found_inside_at_power_up_and_never_settled_is_flagged_for_staff() -> None:
    first = CashBench(CcnetEmulator(reports_after_power_up=False)).start()
    first.feed(50, seconds_each=1.0)
    first.machine.power_cycle()
    second = restarted(first)
    second.run(16.0)
    assert second.said(NoteStacked) == []
    assert "compare cassette and journal" in second.last(DeviceStatus).reason


def test_closing_gives_an_undecided_note_back_and_stops_accepting() -> None:
    bench = CashBench(decides=undecided).start()
    bench.feed(50, seconds_each=1.5)
    bench.driver.close()
    bench.machine.tick(bench.clock() + 3.0)
    assert bench.machine.returned == [50]
    assert bench.machine.state()["accepts_yuan"] == []
