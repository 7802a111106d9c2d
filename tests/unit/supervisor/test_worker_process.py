"""Worker processes at the edges: not there, badly behaved, leaving children behind."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

from structlog.testing import capture_logs

from devices.messages import CardRemoved, StopCardReading
from firmware.supervisor.worker_messages import WorkerLine
from firmware.supervisor.worker_process import LONGEST_LOG_LINE, Allowance, WorkerProcess


class Ear:
    """Remembers what was told of a worker."""

    def __init__(self) -> None:
        self.lines: list[WorkerLine] = []
        self.misbehaviour: list[str] = []
        self.exits: list[str] = []
        self.bugs: list[Exception] = []
        self.exited = asyncio.Event()
        self.cannot_hear: Exception | None = None

    def worker_says(self, line: WorkerLine) -> None:
        if self.cannot_hear is not None:
            raise self.cannot_hear
        self.lines.append(line)

    def worker_misbehaves(self, reason: str) -> None:
        self.misbehaviour.append(reason)

    def worker_exited(self, how: str) -> None:
        self.exits.append(how)
        self.exited.set()

    def worker_mishandled(self, bug: Exception) -> None:
        self.bugs.append(bug)


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def run(command: Sequence[str], ear: Ear | None = None) -> Ear:
    """Start a worker and wait for its end."""
    ear = ear or Ear()

    async def scenario() -> Ear:
        worker = WorkerProcess("it", command, ear, time.monotonic)
        worker.start()
        async with asyncio.timeout(15):
            await ear.exited.wait()
        worker.tell(StopCardReading(device="it"))  # too late, and harmless
        worker.kill()
        await worker.close(1.0)
        return ear

    return asyncio.run(scenario())


def test_a_program_that_is_not_there_has_ended_with_the_reason() -> None:
    assert "could not be started" in run(["/nowhere/worker"]).exits[0]


def test_the_exit_is_told_once_in_words() -> None:
    assert run(python("raise SystemExit(69)")).exits == ["exit code 69"]
    assert run(python("import os; os.abort()")).exits == ["killed by SIGABRT"]


def test_everything_said_before_the_end_is_told_before_the_exit_but_half_a_line() -> None:
    line = '{"type":"card_removed","device":"it"}'
    ear = run(python(f"print('{line}'); print('{line}', end='')"))
    assert ear.lines == [CardRemoved(device="it")]
    assert ear.misbehaviour == []


def test_a_line_that_is_not_text_is_dropped_and_the_next_one_is_heard() -> None:
    bad = r'{"type":"note_rejected","device":"\xff","reason":"other"}\n'
    good = r'{"type":"card_removed","device":"it"}\n'
    ear = run(python(f"import os; os.write(1, b'{bad}{good}')"))
    assert ear.lines == [CardRemoved(device="it")]
    assert (ear.bugs, ear.exits) == ([], ["exit code 0"])


def test_a_line_that_cannot_be_dealt_with_is_told_as_a_bug_and_the_worker_still_ends() -> None:
    ear = Ear()
    ear.cannot_hear = RuntimeError("a bug of ours")
    line = '{"type":"card_removed","device":"it"}'
    run(python(f"import time; print('{line}' + 9999 * ' ', flush=True); time.sleep(60)"), ear)
    assert ear.bugs == [ear.cannot_hear]
    assert ear.exits == ["killed by SIGKILL"]


def test_words_on_standard_error_come_into_the_log_shortened() -> None:
    with capture_logs() as logs:
        run(python("import sys; print('x' * 9000, file=sys.stderr)"))
    (entry,) = [log for log in logs if log["event"] == "worker says"]
    assert entry["words"] == "x" * LONGEST_LOG_LINE
    assert entry["device"] == "it"


def test_a_flood_of_words_does_not_flood_the_log() -> None:
    with capture_logs() as logs:
        run(python("import sys; [print(i, file=sys.stderr) for i in range(5000)]"))
    assert 0 < len([log for log in logs if log["event"] == "worker says"]) < 1000


def test_an_allowance_refills_with_time() -> None:
    now = 0.0
    allowance = Allowance(a_second=2.0, at_once=2.0, clock=lambda: now)
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    now = 0.5
    assert [allowance.take() for _ in range(2)] == [True, False]
    now = 100.0
    assert [allowance.take() for _ in range(3)] == [True, True, False]
