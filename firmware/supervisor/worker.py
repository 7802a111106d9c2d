"""The loop of one worker process: one peripheral, one port, one thread.

Commands come on standard input, events and heartbeats leave on standard output, one JSON object a
line. Words for people go to standard error; the supervisor puts them into the log.

The worker must never outlive its supervisor, or the port would stay taken: it ends when its
standard input closes, the kernel sends it SIGTERM when its parent dies, and an alarm it keeps
pushing away kills it when its own loop stands still with nobody left to notice.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

import msgspec

from devices.driver import Driver, LinkLost
from devices.messages import Command, Event
from firmware.supervisor.worker_messages import (
    EXIT_LINK_LOST,
    HEARTBEAT_SECONDS,
    MAX_COMMAND_LINE_BYTES,
    Heartbeat,
    LinkLostReport,
    WorkerLine,
)

BREATH_SECONDS = 0.02
"""Pause after a slice that returned at once and said nothing, so that no driver can spin."""

SELF_DESTRUCT_SECONDS = 15.0
"""A loop that stands still this long is killed by the kernel. Far above the supervisor's limit:
this is only for a worker whose supervisor is gone."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class CommandLines:
    """Commands out of a byte stream that comes in pieces."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._decoder = msgspec.json.Decoder(Command)

    def feed(self, data: bytes) -> Iterator[Command]:
        """Yield each complete command; complain about the others on standard error."""
        self._pending += data
        while (end := self._pending.find(b"\n")) >= 0:
            line = bytes(self._pending[:end])
            del self._pending[: end + 1]
            try:
                yield self._decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                complain(f"command not understood and ignored: {error}")
        if len(self._pending) > MAX_COMMAND_LINE_BYTES:
            self._pending.clear()
            complain(f"command line longer than {MAX_COMMAND_LINE_BYTES} bytes dropped")


def complain(words: str) -> None:
    """Say something to the log."""
    print(words, file=sys.stderr, flush=True)


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the supervisor dies (prctl(2), PR_SET_PDEATHSIG)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        complain(f"prctl: {os.strerror(ctypes.get_errno())}; relying on standard input closing")


class Worker:
    """Turns a driver until its input ends, it is told to stop, or its port is gone."""

    def __init__(
        self,
        build: Callable[[], Driver],
        *,
        input_fd: int,
        output_fd: int,
        clock: Callable[[], float],
        still_alive: Callable[[], None],
    ) -> None:
        self._build = build
        self._input_fd = input_fd
        self._output_fd = output_fd
        self._clock = clock
        self._still_alive = still_alive
        self._commands = CommandLines()
        self._encoder = msgspec.json.Encoder()
        self._last_beat = float("-inf")
        self.stopping = False

    def run(self) -> int:
        """Return the exit code of the process. Bugs of the driver are raised to the caller."""
        try:
            driver = self._build()
        except LinkLost as lost:
            return self._report_lost(lost)
        try:
            self._turn(driver)
        except LinkLost as lost:
            return self._report_lost(lost)
        except BrokenPipeError:
            return 0  # the supervisor is gone: closing the driver is all that is left to do
        finally:
            _close(driver)
        return 0

    def _turn(self, driver: Driver) -> None:
        pause = 0.0
        while not self.stopping:
            self._still_alive()
            self._beat()
            data = self._read_input(pause)
            if data == b"":
                return
            for command in self._commands.feed(data or b""):
                self._say(driver.execute(command))
            began = self._clock()
            events = driver.run_once()
            self._say(events)
            idle = not events and self._clock() - began < BREATH_SECONDS
            pause = BREATH_SECONDS if idle else 0.0

    def _read_input(self, wait_seconds: float) -> bytes | None:
        """Return what has come in, None if nothing has, b"" at the end of input."""
        ready, _, _ = select.select([self._input_fd], [], [], wait_seconds)
        return os.read(self._input_fd, 65_536) if ready else None

    def _beat(self) -> None:
        now = self._clock()
        if now - self._last_beat >= HEARTBEAT_SECONDS:
            self._last_beat = now
            self._write(Heartbeat())

    def _say(self, events: Sequence[Event]) -> None:
        for event in events:
            self._write(event)

    def _write(self, line: WorkerLine) -> None:
        data = self._encoder.encode(line) + b"\n"
        while data:
            data = data[os.write(self._output_fd, data) :]

    def _report_lost(self, lost: LinkLost) -> int:
        try:
            self._write(LinkLostReport(reason=str(lost)))
        except BrokenPipeError:
            complain(f"port lost and no supervisor to tell: {lost}")
        return EXIT_LINK_LOST


def _close(driver: Driver) -> None:
    try:
        driver.close()
    except LinkLost as lost:
        complain(f"port was gone when closing: {lost}")


def run_worker(build: Callable[[], Driver]) -> int:
    """Be a worker process: build the driver, serve it on standard input and output.

    Returns the exit code: 0 after an orderly end, ``EXIT_LINK_LOST`` when the port is gone. An
    exception of the driver passes through, so that the process dies with its traceback.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C on a desk is the supervisor's to handle
    worker = Worker(
        build,
        input_fd=sys.stdin.fileno(),
        output_fd=sys.stdout.fileno(),
        clock=time.monotonic,
        still_alive=lambda: _push_alarm_away(SELF_DESTRUCT_SECONDS),
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        worker.stopping = True

    signal.signal(signal.SIGTERM, stop)
    die_with_parent()
    return worker.run()


def _push_alarm_away(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds)
