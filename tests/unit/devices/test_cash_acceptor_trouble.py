"""An acceptor in trouble: spoilt answers, silence, jams, a full cassette."""

from __future__ import annotations

import pytest

from devices.messages import (
    DeviceState,
    DeviceStatus,
    NoteLocated,
    NoteOutcome,
    NoteStacked,
    StartCashIn,
    StorageState,
)
from tests.unit.devices.bench_of_devices import CashBench


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
