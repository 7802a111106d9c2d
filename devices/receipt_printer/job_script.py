"""What is said to a receipt printer, in order: sense, print, confirm. Pure.

"Printed" is said only on proof. Best proof: the process id sent after the last byte of the slip
(GS ( H, function 48), which comes back when that data is on paper. A printer that does not know
it is asked GS r, which is answered when processing has come to the end of the slip, and then
must still report itself ready. Bytes merely taken into its buffer prove nothing: silence after
them is UNKNOWN.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Generator
from dataclasses import dataclass, field

from devices.link.dialogue import Say
from devices.messages import (
    DeviceKind,
    DeviceState,
    DeviceStatus,
    Event,
    PrintFinished,
    PrintOutcome,
    PrintSlip,
)
from devices.receipt_printer import protocol
from devices.receipt_printer.protocol import Condition, ProcessId, RealtimeStatus, Reply

LARGEST_JOB_BYTES = 65_536
CONFIRM_SECONDS = 10.0
"""A slip of 30 cm takes 2 s; slower than this is not printing."""

_ANSWER_SECONDS = 0.5
_ATTEMPTS = 2
_CHUNK_BYTES = 512
_LOOK_SECONDS = 2.0
_CONFIRM_LOOK_SECONDS = 1.0
_REMEMBERED_JOBS = 500
_QUEUE_LIMIT = 8

Script = Generator[Say, list[Reply], None]


@dataclass(slots=True)
class JobScript:
    """One printer's conversation. ``events`` is emptied by the driver."""

    device: str
    first_process_number: int = 0
    events: list[Event] = field(default_factory=list)
    finished: OrderedDict[str, PrintFinished] = field(default_factory=OrderedDict)
    _jobs: deque[PrintSlip] = field(default_factory=deque)
    _told: Condition | None = None
    _knows_process_id: bool | None = None
    _process_number: int = 0
    _has_proof: bool = False

    def add(self, job: PrintSlip) -> None:
        """Take a job. One that was printed already is answered from memory, never repeated."""
        if job.job_id in self.finished:
            self.events.append(self.finished[job.job_id])
        elif any(waiting.job_id == job.job_id for waiting in self._jobs):
            return
        elif len(job.data) > LARGEST_JOB_BYTES:
            self._finish(job, PrintOutcome.FAILED, f"job is larger than {LARGEST_JOB_BYTES} bytes")
        elif len(self._jobs) >= _QUEUE_LIMIT:
            self._finish(job, PrintOutcome.FAILED, "too many jobs are waiting")
        else:
            self._jobs.append(job)

    def run(self) -> Script:
        """The whole conversation; never ends."""
        self._tell(Condition(DeviceState.STARTING, protocol.SILENT.paper, "printer is starting"))
        yield Say(protocol.NO_AUTOMATIC_STATUS, 0.0)
        while True:
            if self._jobs:
                yield from self._print(self._jobs[0])
                self._jobs.popleft()
                continue
            condition = yield from self._sense()
            if condition.can_print and self._knows_process_id is None:
                yield from self._learn_process_id()
            if not self._jobs:
                yield Say(b"", _LOOK_SECONDS, is_fresh=False, can_be_woken=True)

    # --- sensing ------------------------------------------------------------------------------

    def _sense(self) -> Generator[Say, list[Reply], Condition]:
        """Ask for all four statuses and report what changed."""
        bits = []
        for kind in (1, 2, 3, 4):
            answer = yield from self._ask_status(kind)
            if answer is None:
                self._knows_process_id = None  # it may be another printer when it answers again
                self._tell(protocol.SILENT)
                return protocol.SILENT
            bits.append(answer)
        condition = protocol.condition_of(*bits)
        self._tell(condition)
        return condition

    def _ask_status(self, kind: int) -> Generator[Say, list[Reply], int | None]:
        for _ in range(_ATTEMPTS):
            replies = yield Say(protocol.realtime_status(kind), _ANSWER_SECONDS)
            for reply in replies:
                if isinstance(reply, RealtimeStatus):
                    return reply.bits
        return None

    def _learn_process_id(self) -> Script:
        """With an empty buffer a printer that knows process ids answers at once."""
        expected = self._new_process_id()
        self._knows_process_id = False
        for _ in range(_ATTEMPTS):
            replies = yield Say(protocol.ask_process_id(expected), _ANSWER_SECONDS)
            if ProcessId(expected) in replies:
                self._knows_process_id = True
                return

    # --- printing -----------------------------------------------------------------------------

    def _print(self, job: PrintSlip) -> Script:
        condition = yield from self._sense()
        if not condition.can_print:
            self._finish(job, PrintOutcome.FAILED, condition.reason)
            return
        if self._knows_process_id is None:
            yield from self._learn_process_id()
        for start in range(0, len(job.data), _CHUNK_BYTES):
            yield Say(job.data[start : start + _CHUNK_BYTES], 0.0, is_fresh=False)
        if self._knows_process_id:
            yield from self._confirm(job, self._new_process_id())
        else:
            yield from self._confirm(job, None)

    def _confirm(self, job: PrintSlip, expected: bytes | None) -> Script:
        """Wait for the proof; look at the sensors meanwhile, they say why it does not come."""
        request = protocol.ask_process_id(expected) if expected else protocol.TRANSMIT_PAPER_STATUS
        self._has_proof = False
        waited = 0.0
        yield from self._watch(Say(request, _CONFIRM_LOOK_SECONDS, is_fresh=False), expected)
        while not self._has_proof:
            if waited >= CONFIRM_SECONDS:
                yield from self._give_up(job)
                return
            blocked = yield from self._why_blocked(expected)
            if blocked is not None and not self._has_proof:
                # Left in the buffer, the rest would print with the next roll, unasked.
                yield Say(protocol.CLEAR_BUFFERS, 0.0)
                self._tell(blocked)
                self._finish(job, PrintOutcome.FAILED, f"while printing: {blocked.reason}")
                return
            waited += _CONFIRM_LOOK_SECONDS
            if not self._has_proof:
                yield from self._watch(Say(b"", _CONFIRM_LOOK_SECONDS, is_fresh=False), expected)
        if expected is None:
            condition = yield from self._sense()
            if not condition.can_print:
                self._finish(job, PrintOutcome.UNKNOWN, condition.reason)
                return
        self._finish(job, PrintOutcome.COMPLETED, "")

    def _watch(self, say: Say, expected: bytes | None) -> Generator[Say, list[Reply], list[int]]:
        """Listen without missing the proof; return the real-time statuses that came."""
        replies = yield say
        self._has_proof = self._has_proof or _is_proof(replies, expected)
        return [reply.bits for reply in replies if isinstance(reply, RealtimeStatus)]

    def _why_blocked(self, expected: bytes | None) -> Generator[Say, list[Reply], Condition | None]:
        """Return the condition that stops printing; None when none, or the printer is silent."""
        bits = []
        for kind in (1, 2, 3, 4):
            say = Say(protocol.realtime_status(kind), _ANSWER_SECONDS, is_fresh=False)
            answers = yield from self._watch(say, expected)
            if self._has_proof or len(answers) != 1:
                return None
            bits.append(answers[0])
        condition = protocol.condition_of(*bits)
        stops = condition.state in (DeviceState.USER_ERROR, DeviceState.HARDWARE_ERROR)
        return condition if stops else None

    def _give_up(self, job: PrintSlip) -> Script:
        condition = yield from self._sense()
        yield Say(protocol.CLEAR_BUFFERS, 0.0)
        reason = condition.reason or f"printer did not confirm within {CONFIRM_SECONDS:.0f} s"
        self._finish(job, PrintOutcome.UNKNOWN, reason)

    # --- telling ------------------------------------------------------------------------------

    def _new_process_id(self) -> bytes:
        self._process_number += 1
        return protocol.process_id_of(self.first_process_number + self._process_number)

    def _finish(self, job: PrintSlip, outcome: PrintOutcome, reason: str) -> None:
        finished = PrintFinished(self.device, job.job_id, outcome, reason)
        self.finished[job.job_id] = finished
        while len(self.finished) > _REMEMBERED_JOBS:
            self.finished.popitem(last=False)
        self.events.append(finished)

    def _tell(self, condition: Condition) -> None:
        if condition == self._told:
            return
        self._told = condition
        self.events.append(
            DeviceStatus(
                self.device,
                DeviceKind.RECEIPT_PRINTER,
                condition.state,
                condition.reason,
                paper=condition.paper,
            )
        )


def _is_proof(replies: list[Reply], expected: bytes | None) -> bool:
    if expected is not None:
        return ProcessId(expected) in replies
    return any(isinstance(reply, protocol.Transmitted) for reply in replies)
