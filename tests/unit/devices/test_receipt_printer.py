"""A slip is "printed" on proof only; what went wrong is said; nothing is printed twice."""

from __future__ import annotations

import pytest

from devices.messages import (
    DeviceState,
    DeviceStatus,
    PaperState,
    PrintFinished,
    PrintOutcome,
    PrintSlip,
)
from devices.receipt_printer.document import Line, SlipDocument
from devices.receipt_printer.emulator import EscposEmulator
from devices.receipt_printer.encoder import encode
from devices.receipt_printer.protocol import (
    ProcessId,
    RealtimeStatus,
    Reply,
    ReplyParser,
    Transmitted,
    condition_of,
    process_id_of,
)
from tests.unit.devices.bench_of_devices import PrinterBench

SLIP = encode(SlipDocument(tuple(Line(f"门诊挂号凭条 {i}") for i in range(30))))

both_kinds = pytest.mark.parametrize("knows_process_id", [True, False])


def bench_of(knows_process_id: bool) -> PrinterBench:
    bench = PrinterBench(EscposEmulator(answers_process_id=knows_process_id))
    bench.run(3.0)
    return bench


def job(job_id: str) -> PrintSlip:
    return PrintSlip("printer1", job_id, SLIP)


@both_kinds
def test_a_slip_on_paper_is_completed(knows_process_id: bool) -> None:
    bench = bench_of(knows_process_id)
    bench.tell(job("a"))
    bench.run(5.0)
    assert bench.said(PrintFinished) == [PrintFinished("printer1", "a", PrintOutcome.COMPLETED)]
    assert bench.machine.slips[0].text.startswith("门诊挂号凭条 0\n")
    assert bench.machine.slips[0].notes == []


@both_kinds
def test_a_job_is_printed_once_however_often_it_is_ordered(knows_process_id: bool) -> None:
    bench = bench_of(knows_process_id)
    bench.tell(job("a"), job("a"))
    bench.run(5.0)
    bench.tell(job("a"))
    bench.run(5.0)
    assert len(bench.machine.slips) == 1
    assert {event.outcome for event in bench.said(PrintFinished)} == {PrintOutcome.COMPLETED}


def test_completion_is_not_said_while_paper_is_still_moving() -> None:
    bench = PrinterBench(EscposEmulator(dots_per_second=300))
    bench.run(3.0)
    bench.tell(job("a"))
    bench.run(2.0)
    assert bench.said(PrintFinished) == []
    bench.run(6.0)
    assert bench.last(PrintFinished).outcome is PrintOutcome.COMPLETED


@pytest.mark.parametrize(
    ("action", "paper", "words"),
    [
        ("paper_out", PaperState.OUT, "paper is out"),
        ("cover_open", PaperState.FULL, "cover is open"),
        ("jam", PaperState.JAMMED, "knife"),
    ],
)
def test_trouble_before_a_job_fails_it_with_the_reason_and_prints_nothing(
    action: str, paper: PaperState, words: str
) -> None:
    bench = bench_of(True)
    bench.machine.actions[action]()
    bench.run(3.0)
    assert bench.last(DeviceStatus).paper is paper
    bench.tell(job("a"))
    bench.run(3.0)
    finished = bench.last(PrintFinished)
    assert finished.outcome is PrintOutcome.FAILED
    assert words in finished.reason
    for cure in ("paper_load", "cover_close", "clear"):
        bench.machine.actions[cure]()
    bench.run(5.0)
    assert bench.machine.slips == []
    assert bench.last(DeviceStatus).state is DeviceState.ONLINE


@both_kinds
def test_paper_running_out_in_mid_slip_fails_it_and_the_rest_never_prints(
    knows_process_id: bool,
) -> None:
    bench = bench_of(knows_process_id)
    bench.machine.paper_out_after(millimetres=40)
    bench.tell(job("a"))
    bench.run(6.0)
    finished = bench.last(PrintFinished)
    assert finished.outcome is PrintOutcome.FAILED
    assert "paper is out" in finished.reason
    bench.machine.paper_load()
    bench.run(6.0)
    assert [slip.is_complete for slip in bench.machine.slips] == [False]


@both_kinds
def test_silence_after_the_bytes_is_unknown_never_printed(knows_process_id: bool) -> None:
    bench = bench_of(knows_process_id)
    bench.tell(job("a"))
    while not bench.machine.state()["printing"]:
        bench.take(bench.driver.run_once())
    bench.machine.actions["silence"](seconds=60)
    bench.run(40.0)
    assert [event.outcome for event in bench.said(PrintFinished)] == [PrintOutcome.UNKNOWN]


def test_power_lost_in_mid_slip_is_unknown() -> None:
    bench = bench_of(True)
    bench.tell(job("a"))
    while not bench.machine.state()["printing"]:
        bench.take(bench.driver.run_once())
    bench.machine.power_cycle(off_seconds=0.5)
    bench.run(30.0)
    assert [event.outcome for event in bench.said(PrintFinished)] == [PrintOutcome.UNKNOWN]


def test_a_silent_printer_gets_no_bytes_and_the_job_fails_at_once() -> None:
    bench = bench_of(True)
    bench.machine.actions["silence"](seconds=20)
    bench.tell(job("a"))
    bench.run(4.0)
    assert bench.last(PrintFinished).outcome is PrintOutcome.FAILED
    bench.run(30.0)
    assert bench.machine.slips == []


def test_low_paper_is_told_and_still_prints() -> None:
    bench = bench_of(True)
    bench.machine.paper_low()
    bench.run(3.0)
    status = bench.last(DeviceStatus)
    assert (status.state, status.paper) == (DeviceState.ONLINE, PaperState.LOW)
    bench.tell(job("a"))
    bench.run(5.0)
    assert bench.last(PrintFinished).outcome is PrintOutcome.COMPLETED


def test_an_oversized_job_is_refused() -> None:
    bench = bench_of(True)
    bench.tell(PrintSlip("printer1", "big", bytes(70_000)))
    assert bench.last(PrintFinished).outcome is PrintOutcome.FAILED


def test_jobs_wait_their_turn() -> None:
    bench = bench_of(True)
    bench.tell(job("a"), job("b"), job("c"))
    bench.run(15.0)
    assert [event.job_id for event in bench.said(PrintFinished)] == ["a", "b", "c"]
    assert len(bench.machine.slips) == 3


# --- replies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "replies"),
    [
        ("12", [RealtimeStatus(0x12)]),
        ("1e", [RealtimeStatus(0x1E)]),
        ("7e", [RealtimeStatus(0x7E)]),
        ("3722 41424344 00", [ProcessId(b"ABCD")]),
        ("00", [Transmitted(0)]),
        ("03", [Transmitted(3)]),
        ("10000000 12", [RealtimeStatus(0x12)]),  # automatic status is stepped over
        ("18000f00 1a", [RealtimeStatus(0x1A)]),
        ("372500 12", [RealtimeStatus(0x12)]),  # some other block
        ("11 13 12", [RealtimeStatus(0x12)]),  # XON, XOFF
    ],
)
def test_replies_of_different_commands_are_told_apart(wire: str, replies: list[Reply]) -> None:
    assert ReplyParser().feed(bytes.fromhex(wire)) == replies
    parser = ReplyParser()
    assert [r for byte in bytes.fromhex(wire) for r in parser.feed(bytes([byte]))] == replies


def test_noise_leaves_no_more_than_one_block_in_memory() -> None:
    parser = ReplyParser()
    for _ in range(1000):
        parser.feed(b"\x37" * 100)
    assert len(parser._buffer) < 100


def test_process_ids_differ_and_are_printable() -> None:
    ids = {process_id_of(number) for number in range(5000)}
    assert len(ids) == 5000
    assert all(0x20 <= byte <= 0x7E for process_id in ids for byte in process_id)


@pytest.mark.parametrize(
    ("bits", "state", "paper"),
    [
        ((0x12, 0x12, 0x12, 0x12), DeviceState.ONLINE, PaperState.FULL),
        ((0x12, 0x12, 0x12, 0x1E), DeviceState.ONLINE, PaperState.LOW),
        ((0x1A, 0x32, 0x12, 0x7E), DeviceState.USER_ERROR, PaperState.OUT),
        ((0x1A, 0x16, 0x12, 0x12), DeviceState.USER_ERROR, PaperState.FULL),
        ((0x1A, 0x52, 0x32, 0x12), DeviceState.HARDWARE_ERROR, PaperState.FULL),
        ((0x1A, 0x52, 0x52, 0x12), DeviceState.DEVICE_BUSY, PaperState.FULL),
    ],
)
def test_status_bits_become_words(
    bits: tuple[int, int, int, int], state: DeviceState, paper: PaperState
) -> None:
    condition = condition_of(*bits)
    assert (condition.state, condition.paper) == (state, paper)
