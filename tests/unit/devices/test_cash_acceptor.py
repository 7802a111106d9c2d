"""What the kiosk may believe about money, told by a machine that keeps its own books."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devices.cash_acceptor.emulator import CcnetEmulator
from devices.driver import Link, LinkLost
from devices.messages import (
    Command,
    DeviceState,
    DeviceStatus,
    EndCashIn,
    NoteAccepting,
    NoteInEscrow,
    NoteLocated,
    NoteOutcome,
    NoteRejected,
    NoteReturned,
    NoteStacked,
    QueryNote,
    RefusalReason,
    ReturnNote,
    StackNote,
    StartCashIn,
    StorageState,
)
from tests.unit.devices.bench_of_devices import ALL_NOTES, CashBench


def undecided(_note: NoteInEscrow) -> Command | None:
    return None


def give_back(note: NoteInEscrow) -> Command | None:
    return ReturnNote("cash1", note.note_id)


def test_it_comes_up_from_starting_to_online() -> None:
    bench = CashBench()
    bench.run(2.0)
    states = [event.state for event in bench.said(DeviceStatus)]
    assert states == [DeviceState.STARTING, DeviceState.ONLINE]
    assert bench.last(DeviceStatus).storage is StorageState.OK


def test_nothing_is_drawn_in_before_cash_in_starts() -> None:
    bench = CashBench()
    bench.run(2.0)
    bench.feed(100)
    assert bench.said(NoteAccepting) == []


def test_a_note_goes_from_accepting_over_escrow_to_stacked() -> None:
    bench = CashBench().start()
    bench.feed(50)
    assert bench.events[-3:] == [
        NoteAccepting("cash1"),
        NoteInEscrow("cash1", "note-1", 5000),
        NoteStacked("cash1", "note-1", 5000),
    ]
    assert bench.machine.cassette == [50]


def test_only_the_asked_for_denominations_are_taken() -> None:
    bench = CashBench().start()
    bench.feed(5)
    assert bench.last(NoteRejected).reason is RefusalReason.NOT_ENABLED
    assert bench.machine.cassette == []


def test_a_bad_note_is_rejected_once_with_its_reason() -> None:
    bench = CashBench().start()
    bench.machine.feed_bad()
    bench.run(3.0)
    assert bench.said(NoteRejected) == [NoteRejected("cash1", RefusalReason.INVALID_BILL)]


def test_a_returned_note_is_never_credited() -> None:
    bench = CashBench(decides=give_back).start()
    bench.feed(100)
    assert bench.said(NoteReturned) == [NoteReturned("cash1", "note-1", 10000)]
    assert bench.credited_fen == 0
    assert bench.machine.returned == [100]


def test_an_undecided_note_is_given_back_after_ten_seconds() -> None:
    bench = CashBench(decides=undecided).start()
    bench.feed(20, seconds_each=9.0)
    assert bench.said(NoteReturned) == []
    bench.run(4.0)
    assert bench.said(NoteReturned) == [NoteReturned("cash1", "note-1", 2000)]


def test_end_of_cash_in_gives_an_undecided_note_back() -> None:
    bench = CashBench(decides=undecided).start()
    bench.feed(20, seconds_each=1.5)
    bench.tell(EndCashIn("cash1"))
    bench.run(2.0)
    assert bench.machine.returned == [20]
    assert bench.given_back_fen == 2000


def test_end_of_cash_in_does_not_stop_a_note_that_was_decided_on() -> None:
    bench = CashBench().start()
    bench.feed(20, seconds_each=1.0)
    bench.tell(EndCashIn("cash1"))
    bench.run(3.0)
    assert bench.credited_fen == bench.stacked_fen == 2000


def test_a_note_still_drawn_in_when_cash_in_ends_comes_back_and_is_never_announced() -> None:
    bench = CashBench().start()
    bench.machine.feed(100)
    bench.run(0.4)
    bench.tell(EndCashIn("cash1"))
    bench.run(4.0)
    assert bench.said(NoteInEscrow) == []
    assert bench.machine.returned == [100]
    assert bench.credited_fen == 0


def test_a_note_drawn_in_for_the_last_patient_is_not_taken_from_the_next() -> None:
    bench = CashBench().start()
    bench.machine.feed(100)
    bench.run(0.4)
    bench.tell(EndCashIn("cash1"), StartCashIn("cash1", ALL_NOTES))
    bench.run(4.0)
    assert bench.machine.returned == [100]
    assert bench.said(NoteInEscrow) == []
    bench.feed(10)
    assert bench.credited_fen == 1000


def test_a_decision_on_an_unknown_or_decided_note_is_ignored() -> None:
    bench = CashBench(decides=give_back).start()
    bench.feed(20, seconds_each=1.0)
    bench.tell(StackNote("cash1", "note-1"), StackNote("cash1", "elsewhere"))
    bench.run(3.0)
    assert bench.machine.cassette == []


@pytest.mark.parametrize(
    ("decides", "outcome"),
    [(None, NoteOutcome.STACKED), (give_back, NoteOutcome.RETURNED)],
)
def test_a_query_tells_where_a_note_went(
    decides: Callable[[NoteInEscrow], Command | None] | None, outcome: NoteOutcome
) -> None:
    bench = CashBench(decides=decides).start()
    bench.feed(20)
    bench.tell(QueryNote("cash1", "note-1"), QueryNote("cash1", "never-seen"))
    assert [answer.outcome for answer in bench.said(NoteLocated)] == [outcome, NoteOutcome.UNKNOWN]


def test_a_query_for_the_note_in_escrow_says_so() -> None:
    bench = CashBench(decides=undecided).start()
    bench.feed(20, seconds_each=1.5)
    bench.tell(QueryNote("cash1", "note-1"))
    assert bench.last(NoteLocated).outcome is NoteOutcome.IN_ESCROW


@pytest.mark.parametrize("fault", ["duplicate_answer", "bad_crc", "garbage"])
def test_spoilt_and_repeated_answers_credit_each_note_once(fault: str) -> None:
    bench = CashBench().start()
    for _ in range(12):
        bench.machine.actions[fault](answers=2)
        bench.feed(20, seconds_each=1.4)
        bench.machine.actions[fault](answers=2)
        bench.run(4.6)
    bench.run(10)
    assert bench.credited_fen == bench.stacked_fen == 12 * 2000
    assert len(bench.said(NoteStacked)) == 12


def test_old_answers_in_place_of_new_ones_make_a_note_unknown_but_never_credit_it_twice() -> None:
    bench = CashBench().start()
    for _ in range(12):
        bench.machine.actions["stale_answer"](answers=3)
        bench.feed(20, seconds_each=1.4)
        bench.machine.actions["stale_answer"](answers=5)
        bench.run(4.6)
    bench.run(10)
    credited = {event.note_id for event in bench.said(NoteStacked)}
    unknown = {event.note_id for event in bench.said(NoteLocated)}
    assert bench.credited_fen <= bench.stacked_fen
    assert len(credited) == len(bench.said(NoteStacked))
    assert len(credited | unknown) >= len(bench.machine.cassette)


def test_a_credit_is_not_lost_when_the_polls_around_it_were_missed() -> None:
    bench = CashBench().start()
    bench.machine.feed(100)
    bench.run(1.0)
    bench.machine.actions["silence"](seconds=3.0)
    bench.run(8.0)
    assert bench.credited_fen == bench.stacked_fen == 10000


def test_silence_is_reported_and_ends_with_the_first_answer() -> None:
    bench = CashBench().start()
    bench.machine.actions["silence"](seconds=5.0)
    bench.run(3.0)
    assert bench.last(DeviceStatus).state is DeviceState.OFFLINE
    bench.run(5.0)
    assert bench.last(DeviceStatus).state is DeviceState.ONLINE
    bench.feed(10)
    assert bench.credited_fen == 1000


# --- power and restarts ------------------------------------------------------------------------


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


# --- trouble -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "state", "storage"),
    [
        ("cassette_full", DeviceState.USER_ERROR, StorageState.FULL),
        ("cassette_out", DeviceState.USER_ERROR, StorageState.MISSING),
        ("jam", DeviceState.HARDWARE_ERROR, StorageState.UNKNOWN),
        ("jam_cassette", DeviceState.HARDWARE_ERROR, StorageState.INOPERATIVE),
        ("cheat", DeviceState.FRAUD_ATTEMPT, StorageState.UNKNOWN),
        ("pause", DeviceState.DEVICE_BUSY, StorageState.UNKNOWN),
        ("break_motor", DeviceState.HARDWARE_ERROR, StorageState.UNKNOWN),
    ],
)
def test_trouble_is_told_in_words_and_ends_when_it_is_cleared(
    action: str, state: DeviceState, storage: StorageState
) -> None:
    bench = CashBench().start()
    bench.machine.actions[action]()
    bench.run(1.0)
    told = bench.last(DeviceStatus)
    assert (told.state, told.storage) == (state, storage)
    assert told.reason
    bench.machine.clear()
    bench.run(4.0)
    assert bench.last(DeviceStatus).state is DeviceState.ONLINE
    bench.feed(10)
    assert bench.credited_fen == bench.stacked_fen == 1000


def test_a_note_jammed_on_its_way_to_the_cassette_is_not_credited() -> None:
    bench = CashBench().start()
    bench.machine.feed(100)
    bench.run(1.1)
    bench.machine.jam()
    bench.run(3.0)
    bench.machine.clear()
    bench.run(15.0)
    assert bench.credited_fen == bench.stacked_fen == 0
    assert bench.last(NoteLocated).outcome is NoteOutcome.UNKNOWN


def test_a_machine_without_the_wanted_notes_says_so() -> None:
    bench = CashBench()
    bench.run(2.0)
    bench.tell(StartCashIn("cash1", (777,)))
    bench.run(1.0)
    assert bench.last(DeviceStatus).state is DeviceState.USER_ERROR


def test_an_idle_acceptor_is_polled_twice_a_second_only() -> None:
    bench = CashBench()
    bench.run(5.0)
    slices = 0
    ends_at = bench.clock() + 10.0
    while bench.clock() < ends_at:
        bench.take(bench.driver.run_once())
        slices += 1
    assert slices < 10 * 10
