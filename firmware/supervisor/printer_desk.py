"""The desk of a printer: every print job ends once, in a way that is known.

A job waits a while for its printer, is handed to one worker, one job at a time, and is never handed
out again: paper may carry it already. What nobody can know is said to be unknown.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from devices.messages import Command, Event, PrintFinished, PrintOutcome, PrintSlip
from firmware.supervisor.desk import ForCore, ForWorker, Saying

WAIT_FOR_PRINTER_SECONDS = 15.0
"""How long a job waits for a worker before the patient is told that there is no slip."""

LONGEST_JOB_SECONDS = 90.0
"""A job without a result for so long is given up as unknown, so that the next can print."""

MOST_JOBS_WAITING = 20
MOST_RESULTS_REMEMBERED = 200


@dataclass(frozen=True)
class _Job:
    command: PrintSlip
    deadline: float


class PrinterDesk:
    """Queues jobs, hands them out one by one, remembers how they ended."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._waiting: deque[_Job] = deque()
        self._printing: _Job | None = None
        self._up = False
        self._down_reason = "printer is starting"
        self._results: OrderedDict[str, PrintFinished] = OrderedDict()

    @property
    def wake_at(self) -> float | None:
        if self._printing is not None:
            return self._printing.deadline
        return self._waiting[0].deadline if self._waiting and not self._up else None

    def execute(self, command: Command, now: float) -> Sequence[Saying]:
        if not isinstance(command, PrintSlip):
            return ()
        if (known := self._results.get(command.job_id)) is not None:
            return (ForCore(known),)  # asked twice, printed once
        if self._is_under_way(command.job_id):
            return ()
        if len(self._waiting) >= MOST_JOBS_WAITING:
            return self._end(command.job_id, PrintOutcome.FAILED, "too many slips are waiting")
        self._waiting.append(_Job(command, now + WAIT_FOR_PRINTER_SECONDS))
        return self._hand_out(now)

    def heard(self, event: Event, now: float) -> Sequence[Saying]:
        if not isinstance(event, PrintFinished):
            return (ForCore(event),)
        said = self._end(event.job_id, event.outcome, event.reason)
        return (*said, *self._hand_out(now))

    def worker_up(self, now: float) -> Sequence[Saying]:
        self._up = True
        return self._hand_out(now)

    def worker_gone(self, reason: str, now: float) -> Sequence[Saying]:
        self._down_reason = reason
        if not self._up:
            return ()
        self._up = False
        # What queued behind another job has not yet had its time to wait for a printer.
        self._waiting = deque(
            _Job(job.command, max(job.deadline, now + WAIT_FOR_PRINTER_SECONDS))
            for job in self._waiting
        )
        if self._printing is None:
            return ()
        return self._end(
            self._printing.command.job_id, PrintOutcome.UNKNOWN, f"while printing: {reason}"
        )

    def core_gone(self, now: float) -> Sequence[Saying]:
        return ()  # a slip that was ordered is printed; its result waits for core

    def elapsed(self, now: float) -> Sequence[Saying]:
        said: list[Saying] = []
        if self._printing is not None and now >= self._printing.deadline:
            reason = f"no result for {LONGEST_JOB_SECONDS:g} s"
            said += self._end(self._printing.command.job_id, PrintOutcome.UNKNOWN, reason)
            said += self._hand_out(now)
        while not self._up and self._waiting and now >= self._waiting[0].deadline:
            job = self._waiting.popleft()
            reason = f"printer not available: {self._down_reason}"
            said += self._end(job.command.job_id, PrintOutcome.FAILED, reason)
        return said

    def _is_under_way(self, job_id: str) -> bool:
        jobs = [*self._waiting, *([self._printing] if self._printing else [])]
        return any(job.command.job_id == job_id for job in jobs)

    def _hand_out(self, now: float) -> Sequence[Saying]:
        if not self._up or self._printing is not None or not self._waiting:
            return ()
        job = self._waiting.popleft()
        self._printing = _Job(job.command, now + LONGEST_JOB_SECONDS)
        return (ForWorker(job.command),)

    def _end(self, job_id: str, outcome: PrintOutcome, reason: str) -> Sequence[Saying]:
        if self._printing is not None and self._printing.command.job_id == job_id:
            self._printing = None
        known = self._results.get(job_id)
        if known is not None and known.outcome is not PrintOutcome.UNKNOWN:
            return ()
        finished = PrintFinished(device=self._device, job_id=job_id, outcome=outcome, reason=reason)
        self._results[job_id] = finished
        if len(self._results) > MOST_RESULTS_REMEMBERED:
            self._results.popitem(last=False)
        return (ForCore(finished),)
