"""What every driver promises its worker, whatever the peripheral."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devices.driver import LinkLost
from devices.messages import (
    Command,
    DeviceState,
    DeviceStatus,
    EndCashIn,
    Event,
    PrintSlip,
    QueryNote,
    StackNote,
    StartCardReading,
    StartCashIn,
    StopCardReading,
)
from tests.unit.devices.bench_of_devices import CashBench, PrinterBench, ReaderBench

every_driver = pytest.mark.parametrize(
    "make", [CashBench, PrinterBench, ReaderBench], ids=["ccnet", "escpos", "samv"]
)
Make = Callable[[], CashBench | PrinterBench | ReaderBench]

COMMANDS: tuple[Command, ...] = (
    StartCashIn("d", (1000,)),
    EndCashIn("d"),
    StackNote("d", "n"),
    QueryNote("d", "n"),
    PrintSlip("d", "j", b"x"),
    StartCardReading("d"),
    StopCardReading("d"),
)


@every_driver
def test_it_says_starting_then_online(make: Make) -> None:
    bench = make()
    bench.run(3.0)
    states = [event.state for event in bench.said(DeviceStatus)]
    assert states == [DeviceState.STARTING, DeviceState.ONLINE]


@every_driver
def test_a_slice_of_work_takes_no_longer_than_promised(make: Make) -> None:
    bench = make()
    bench.tell(*COMMANDS)
    bench.run(20.0)
    assert bench.longest_slice <= 0.3


@every_driver
def test_making_one_touches_no_link(make: Make) -> None:
    bench = make()
    bench.link.close()
    fresh = make()
    assert fresh.events == []


@every_driver
def test_commands_never_block_and_foreign_ones_are_ignored(make: Make) -> None:
    bench = make()
    before = bench.clock()
    bench.tell(*COMMANDS)
    assert bench.clock() == before


@every_driver
def test_a_lost_link_is_raised_not_swallowed(make: Make) -> None:
    bench = make()
    bench.run(1.0)
    bench.link.close()
    with pytest.raises(LinkLost):
        bench.run(10.0)


@every_driver
def test_closing_is_safe_at_any_time_and_twice(make: Make) -> None:
    for seconds in (0.0, 0.05, 2.0):
        bench = make()
        bench.run(seconds)
        bench.driver.close()
        bench.driver.close()


@every_driver
def test_unchanged_status_is_not_repeated(make: Make) -> None:
    bench = make()
    bench.run(3.0)
    told: list[Event] = list(bench.events)
    bench.run(30.0)
    assert bench.events == told


@every_driver
def test_a_silent_machine_is_offline_with_words_for_staff(make: Make) -> None:
    bench = make()
    bench.run(2.0)
    bench.machine.actions["silence"](seconds=60.0)
    bench.run(15.0)
    status = bench.last(DeviceStatus)
    assert status.state is DeviceState.OFFLINE
    assert "cable" in status.reason
