"""Every driver over every kind of bad cable: promises hold, nothing hangs, nothing is invented."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.driver import Link, LinkLost
from devices.link.memory import SteppedClock
from devices.messages import (
    CardRead,
    DeviceState,
    DeviceStatus,
    NoteStacked,
    PrintFinished,
    PrintOutcome,
    PrintSlip,
    StartCardReading,
)
from devices.receipt_printer.document import Line, SlipDocument
from devices.receipt_printer.encoder import encode
from tests.fakes.hostile_links import (
    BytewiseLink,
    DelayedLink,
    DuplicatingLink,
    LossyLink,
    NoisyLink,
    UnpluggedLink,
)
from tests.unit.devices.bench_of_devices import CashBench, PrinterBench, ReaderBench, Wrap

SLIP = encode(SlipDocument(tuple(Line(f"门诊挂号凭条 {i}") for i in range(10))))

HOSTILE: dict[str, Wrap] = {
    "bytewise": lambda link, clock: BytewiseLink(link),
    "lossy": lambda link, clock: LossyLink(link, random.Random(3), 0.004),
    "noisy": lambda link, clock: NoisyLink(link, random.Random(4), 0.004),
    "delayed": lambda link, clock: DelayedLink(link, clock, 0.2),
    "late": lambda link, clock: DelayedLink(link, clock, 0.6),
    "duplicating": lambda link, clock: DuplicatingLink(link, random.Random(5)),
}
every_hostile_link = pytest.mark.parametrize("wrap", HOSTILE.values(), ids=HOSTILE)


@every_hostile_link
def test_money_agrees_with_the_cassette(wrap: Wrap) -> None:
    bench = CashBench(wrap=wrap)
    bench.run(8.0)
    bench.start()
    fed = [100, 10, 20, 50, 10, 10, 100, 20]
    bench.feed(*fed, seconds_each=6.0)
    bench.run(20.0)
    assert bench.credited_fen == bench.stacked_fen
    assert len(bench.said(NoteStacked)) == len(bench.machine.cassette)
    assert bench.machine.cassette or bench.machine.returned


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    rate=st.sampled_from([0.002, 0.01, 0.04]),
    fed=st.lists(st.sampled_from([10, 20, 50, 100]), min_size=1, max_size=5),
)
def test_money_agrees_however_bytes_are_lost_or_flipped(
    seed: int, rate: float, fed: list[int]
) -> None:
    def wrap(link: Link, clock: SteppedClock) -> Link:
        chance = random.Random(seed)
        return NoisyLink(LossyLink(link, chance, rate), chance, rate)

    bench = CashBench(wrap=wrap)
    bench.run(6.0)
    bench.start()
    bench.feed(*fed, seconds_each=4.0)
    bench.run(30.0)
    assert bench.credited_fen <= bench.stacked_fen
    assert len(bench.said(NoteStacked)) <= len(bench.machine.cassette)


@every_hostile_link
def test_a_slip_is_called_printed_only_when_it_is_on_paper(wrap: Wrap) -> None:
    bench = PrinterBench(wrap=wrap)
    bench.run(8.0)
    for number in range(6):
        before = len(bench.machine.slips)
        bench.tell(PrintSlip("printer1", f"job-{number}", SLIP))
        bench.run(20.0)
        outcome = bench.last(PrintFinished).outcome
        if outcome is PrintOutcome.COMPLETED:
            assert len(bench.machine.slips) == before + 1
    assert len(bench.said(PrintFinished)) == 6


@every_hostile_link
def test_a_card_is_read_right_or_not_at_all(wrap: Wrap) -> None:
    bench = ReaderBench(wrap=wrap)
    bench.run(5.0)
    bench.tell(StartCardReading("id1"))
    for preset in ("test_a", "zhang", "test_a"):
        bench.machine.lay_card(preset)
        bench.run(12.0)
        bench.machine.lift_card()
        bench.run(6.0)
    numbers = {read.card.id_number for read in bench.said(CardRead)}
    assert numbers <= {"11010519491231002X", "440524188001010014"}


@pytest.mark.parametrize("after_bytes", [0, 1, 30, 100, 200, 300, 500])
def test_an_unplugged_port_ends_each_driver_with_link_lost(after_bytes: int) -> None:
    def wrap(link: Link, clock: SteppedClock) -> Link:
        return UnpluggedLink(link, after_bytes)

    cash, printer, reader = CashBench(wrap=wrap), PrinterBench(wrap=wrap), ReaderBench(wrap=wrap)
    reader.machine.lay_card()
    reader.tell(StartCardReading("id1"))
    printer.tell(PrintSlip("printer1", "job", SLIP))
    for bench in (cash, printer, reader):
        with pytest.raises(LinkLost, match="unplugged"):
            bench.run(120.0)
        bench.driver.close()
    outcomes = {event.outcome for event in printer.said(PrintFinished)}
    assert PrintOutcome.FAILED not in outcomes


def test_100_kilobytes_of_noise_do_not_stop_a_driver() -> None:
    for bench in (CashBench(), PrinterBench(), ReaderBench()):
        bench.run(2.0)
        bench.machine.actions["garbage"](answers=2000)
        bench.run(60.0)
        bench.machine.actions["garbage"](answers=0)
        bench.run(10.0)
        assert bench.last(DeviceStatus).state is DeviceState.ONLINE
