"""What the kiosk may believe about money, told by a machine that keeps its own books."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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
    StackNote,
    StartCashIn,
    StorageState,
)
from tests.unit.devices.bench_of_devices import ALL_NOTES, CashBench, give_back, undecided


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


def test_an_idle_acceptor_is_polled_twice_a_second_only() -> None:
    bench = CashBench()
    bench.run(5.0)
    slices = 0
    ends_at = bench.clock() + 10.0
    while bench.clock() < ends_at:
        bench.take(bench.driver.run_once())
        slices += 1
    assert slices < 10 * 10
