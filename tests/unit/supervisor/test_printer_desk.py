"""Print jobs, in virtual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devices.messages import PrintFinished, PrintOutcome, PrintSlip
from firmware.supervisor.desk import ForCore, ForWorker, Saying
from firmware.supervisor.printer_desk import (
    LONGEST_JOB_SECONDS,
    MOST_JOBS_WAITING,
    WAIT_FOR_PRINTER_SECONDS,
    PrinterDesk,
)


def job(job_id: str = "j1") -> PrintSlip:
    return PrintSlip(device="printer", job_id=job_id, data=b"slip")


def finished(
    outcome: PrintOutcome = PrintOutcome.COMPLETED, job_id: str = "j1", reason: str = ""
) -> PrintFinished:
    return PrintFinished(device="printer", job_id=job_id, outcome=outcome, reason=reason)


def test_a_job_is_handed_to_the_worker_and_its_end_told() -> None:
    desk = PrinterDesk("printer")
    desk.worker_up(0.0)
    assert desk.execute(job(), 0.0) == (ForWorker(job()),)
    assert list(desk.heard(finished(), 1.0)) == [ForCore(finished())]


def test_jobs_are_printed_one_at_a_time_in_order() -> None:
    desk = PrinterDesk("printer")
    desk.worker_up(0.0)
    assert desk.execute(job("a"), 0.0) == (ForWorker(job("a")),)
    assert desk.execute(job("b"), 0.0) == ()
    said = desk.heard(finished(job_id="a"), 1.0)
    assert list(said) == [ForCore(finished(job_id="a")), ForWorker(job("b"))]


def test_a_job_waits_for_the_printer_to_come_back() -> None:
    desk = PrinterDesk("printer")
    assert desk.execute(job(), 0.0) == ()
    assert desk.worker_up(WAIT_FOR_PRINTER_SECONDS - 1) == (ForWorker(job()),)


def test_a_job_whose_printer_does_not_come_back_has_failed_with_the_reason() -> None:
    desk = PrinterDesk("printer")
    desk.worker_gone("port lost", 0.0)
    desk.execute(job(), 0.0)
    assert desk.wake_at == WAIT_FOR_PRINTER_SECONDS
    reason = "printer not available: port lost"
    failed = finished(PrintOutcome.FAILED, reason=reason)
    assert list(desk.elapsed(WAIT_FOR_PRINTER_SECONDS)) == [ForCore(failed)]
    assert desk.worker_up(20.0) == ()


def test_a_job_in_the_hands_of_a_dead_worker_is_unknown_and_not_repeated() -> None:
    desk = PrinterDesk("printer")
    desk.worker_up(0.0)
    desk.execute(job(), 0.0)
    (said,) = desk.worker_gone("driver stood still", 1.0)
    unknown = finished(PrintOutcome.UNKNOWN, reason="while printing: driver stood still")
    assert said == ForCore(unknown)
    assert desk.worker_up(2.0) == ()
    assert desk.execute(job(), 3.0) == (ForCore(unknown),)


def test_a_job_ordered_twice_is_printed_once_and_answered_twice() -> None:
    desk = PrinterDesk("printer")
    desk.worker_up(0.0)
    desk.execute(job(), 0.0)
    assert desk.execute(job(), 0.0) == ()
    desk.heard(finished(), 1.0)
    assert desk.execute(job(), 2.0) == (ForCore(finished()),)


def test_a_job_without_end_is_given_up_so_that_the_next_can_print() -> None:
    desk = PrinterDesk("printer")
    desk.worker_up(0.0)
    desk.execute(job("a"), 0.0)
    desk.execute(job("b"), 0.0)
    assert desk.wake_at == LONGEST_JOB_SECONDS
    gave_up, next_one = desk.elapsed(LONGEST_JOB_SECONDS)
    assert isinstance(gave_up, ForCore)
    assert next_one == ForWorker(job("b"))


def test_the_queue_has_an_end() -> None:
    desk = PrinterDesk("printer")
    for number in range(MOST_JOBS_WAITING):
        assert desk.execute(job(str(number)), 0.0) == ()
    failed = finished(PrintOutcome.FAILED, "one more", "too many slips are waiting")
    assert list(desk.execute(job("one more"), 0.0)) == [ForCore(failed)]


@given(st.lists(st.sampled_from(["order", "up", "down", "finish", "wait"]), max_size=80))
def test_every_job_is_handed_out_at_most_once_and_always_ends(events: list[str]) -> None:
    desk = PrinterDesk("printer")
    now, ordered = 0.0, 0
    handed: list[str] = []
    ended: set[str] = set()

    def note(sayings: list[Saying]) -> None:
        for saying in sayings:
            if isinstance(saying, ForWorker):
                assert isinstance(saying.command, PrintSlip)
                assert saying.command.job_id not in handed
                handed.append(saying.command.job_id)
            elif isinstance(saying.event, PrintFinished):
                ended.add(saying.event.job_id)

    for event in events:
        now += 1.0
        match event:
            case "order":
                ordered += 1
                note(list(desk.execute(job(str(ordered)), now)))
            case "up":
                note(list(desk.worker_up(now)))
            case "down":
                note(list(desk.worker_gone("gone", now)))
            case "finish" if handed:
                note(list(desk.heard(finished(job_id=handed[-1]), now)))
            case _:
                now = max(now, desk.wake_at or now)
                note(list(desk.elapsed(now)))
    note(list(desk.worker_gone("gone", now)))
    while desk.wake_at is not None:
        note(list(desk.elapsed(desk.wake_at)))
    assert ended == {str(number) for number in range(1, ordered + 1)}
