"""The loop of a worker process, with a driver of its own and pipes to the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from devices.driver import LinkLost
from devices.messages import (
    CardRemoved,
    Command,
    Event,
    StartCardReading,
    StopCardReading,
)
from firmware.supervisor.worker import CommandLines, Worker
from firmware.supervisor.worker_messages import (
    EXIT_LINK_LOST,
    MAX_COMMAND_LINE_BYTES,
    Heartbeat,
    LinkLostReport,
    WorkerLine,
)

START = StartCardReading(device="reader")
STOP = StopCardReading(device="reader")
REMOVED = CardRemoved(device="reader")


class ScriptedDriver:
    """Does one scripted thing each slice, then ends the worker's input."""

    def __init__(self, slices: list[Callable[[], Sequence[Event]]], end: Callable[[], None]):
        self._slices = slices
        self._end = end
        self.executed: list[Command] = []
        self.is_closed = False

    def execute(self, command: Command) -> Sequence[Event]:
        self.executed.append(command)
        return ()

    def run_once(self) -> Sequence[Event]:
        if self._slices:
            return self._slices.pop(0)()
        self._end()
        return ()

    def close(self) -> None:
        self.is_closed = True


class Pipes:
    """The supervisor's ends of a worker's standard input and output."""

    def __init__(self) -> None:
        self.worker_input, self._to_worker = os.pipe()
        self._from_worker, self.worker_output = os.pipe()
        self._input_is_open = True

    def send(self, data: bytes) -> None:
        os.write(self._to_worker, data)

    def end_input(self) -> None:
        if self._input_is_open:
            os.close(self._to_worker)
            self._input_is_open = False

    def lines(self) -> list[WorkerLine]:
        os.close(self.worker_output)
        with os.fdopen(self._from_worker, "rb") as output:
            return [msgspec.json.decode(line, type=WorkerLine) for line in output]

    def run(self, driver: ScriptedDriver, clock: Callable[[], float] = lambda: 0.0) -> int:
        worker = Worker(
            lambda: driver,
            input_fd=self.worker_input,
            output_fd=self.worker_output,
            clock=clock,
            still_alive=lambda: None,
        )
        return worker.run()


def lose_link() -> Sequence[Event]:
    raise LinkLost("/dev/reader: unplugged")


def test_events_of_the_driver_become_lines_and_the_end_of_input_closes_the_driver() -> None:
    pipes = Pipes()
    driver = ScriptedDriver([lambda: [REMOVED]], pipes.end_input)
    assert pipes.run(driver) == 0
    assert driver.is_closed
    assert pipes.lines() == [Heartbeat(), REMOVED]


def test_commands_reach_the_driver_in_order_and_nonsense_is_skipped() -> None:
    pipes = Pipes()
    encode = msgspec.json.encode
    no_text = b'{"type":"start_card_reading","device":"\xff"}\n'
    pipes.send(encode(START) + b"\n{nonsense\n" + no_text + encode(STOP) + b"\n")
    driver = ScriptedDriver([], pipes.end_input)
    pipes.run(driver)
    assert driver.executed == [START, STOP]


def test_a_heartbeat_comes_at_most_every_half_second_of_a_turning_loop() -> None:
    pipes = Pipes()
    now = 0.0

    def slice_of_work() -> Sequence[Event]:
        nonlocal now
        now += 0.1
        return ()

    driver = ScriptedDriver([slice_of_work] * 11, pipes.end_input)
    pipes.run(driver, clock=lambda: now)
    assert pipes.lines() == [Heartbeat()] * 3


def test_a_lost_port_is_reported_with_its_reason_and_an_exit_code() -> None:
    pipes = Pipes()
    driver = ScriptedDriver([lose_link], pipes.end_input)
    assert pipes.run(driver) == EXIT_LINK_LOST
    assert driver.is_closed
    assert pipes.lines()[-1] == LinkLostReport(reason="/dev/reader: unplugged")


def test_a_port_that_is_not_there_at_the_start_is_reported_the_same_way() -> None:
    pipes = Pipes()

    def build() -> ScriptedDriver:
        raise LinkLost("/dev/reader: no such file")

    worker = Worker(
        build,
        input_fd=pipes.worker_input,
        output_fd=pipes.worker_output,
        clock=lambda: 0.0,
        still_alive=lambda: None,
    )
    assert worker.run() == EXIT_LINK_LOST
    assert pipes.lines() == [LinkLostReport(reason="/dev/reader: no such file")]


def test_a_bug_of_the_driver_passes_through_after_the_device_was_made_safe() -> None:
    pipes = Pipes()

    def fail() -> Sequence[Event]:
        raise ZeroDivisionError

    driver = ScriptedDriver([fail], pipes.end_input)
    with pytest.raises(ZeroDivisionError):
        pipes.run(driver)
    assert driver.is_closed


def test_a_worker_whose_supervisor_is_gone_makes_its_device_safe_and_ends() -> None:
    pipes = Pipes()
    driver = ScriptedDriver([lambda: [REMOVED]], pipes.end_input)
    os.close(pipes._from_worker)
    assert pipes.run(driver) == 0
    assert driver.is_closed


def test_commands_may_come_in_pieces() -> None:
    lines = CommandLines()
    data = msgspec.json.encode(START) + b"\n"
    heard = [command for byte in data for command in lines.feed(bytes([byte]))]
    assert heard == [START]


def test_an_endless_command_line_does_not_fill_the_memory() -> None:
    lines = CommandLines()
    for _ in range(40):
        assert list(lines.feed(b"x" * (MAX_COMMAND_LINE_BYTES // 10))) == []
    assert list(lines.feed(b"\n" + msgspec.json.encode(START) + b"\n"))[-1:] == [START]


PROGRAM = """
import sys, time
from firmware.supervisor.worker import run_worker
class Driver:
    def execute(self, command): return ()
    def run_once(self): return ()
    def close(self): print("closed", file=sys.stderr, flush=True)
sys.exit(run_worker(Driver))
"""

PARENT = """
import subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=sys.stderr)
worker.stdout.readline()
print(worker.pid, flush=True)
time.sleep(60)
"""

ROOT = Path(__file__).parents[3]


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )


def test_a_real_worker_process_ends_safely_on_the_signal_systemd_sends() -> None:
    with start(PROGRAM) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, words = process.communicate(timeout=10)
    assert process.returncode == 0
    assert words.decode().splitlines()[-1] == "closed"


def test_a_real_worker_process_does_not_outlive_a_killed_supervisor() -> None:
    with start(PARENT, PROGRAM) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        int(parent.stdout.readline())  # the worker runs
        parent.kill()
        # The worker holds the other end of this pipe: it ends only when the worker has ended.
        assert parent.stderr.read().decode().splitlines()[-1] == "closed"
