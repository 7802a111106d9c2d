"""One worker process as the supervisor sees it: lines in, lines out, one exit."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import structlog

from devices.messages import Command
from firmware.supervisor.worker_messages import MAX_WORKER_LINE_BYTES, WorkerLine

LINES_A_SECOND = 200.0
"""Above this, sustained, a worker floods. A busy acceptor says about ten lines a second."""

LINES_AT_ONCE = 400.0

LOG_LINES_A_SECOND = 20.0
LOG_LINES_AT_ONCE = 200.0
LONGEST_LOG_LINE = 2_000

MOST_UNREAD_COMMAND_BYTES = 4_194_304


class Listener(Protocol):
    """Who is told about a worker."""

    def worker_says(self, line: WorkerLine) -> None:
        """A valid line has come."""
        ...

    def worker_misbehaves(self, reason: str) -> None:
        """The worker breaks the rules of its pipe; its further lines are not read."""
        ...

    def worker_exited(self, how: str) -> None:
        """The process has ended, was reaped, and everything it had said has been told."""
        ...

    def worker_mishandled(self, bug: Exception) -> None:
        """What the worker said or how it ended could not be dealt with: a bug on our side."""
        ...


class Allowance:
    """A token bucket: so much at once, so much a second."""

    def __init__(self, a_second: float, at_once: float, clock: Callable[[], float]) -> None:
        self._a_second = a_second
        self._at_once = at_once
        self._clock = clock
        self._left = at_once
        self._last = clock()

    def take(self) -> bool:
        """Use one up. False if there is none left."""
        now = self._clock()
        self._left = min(self._at_once, self._left + (now - self._last) * self._a_second)
        self._last = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class WorkerProcess:
    """Spawned once, ends once."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        listener: Listener,
        clock: Callable[[], float],
    ) -> None:
        self._name = name
        self._command = command
        self._listener = listener
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._kill_wanted = False
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(WorkerLine)
        self._log = structlog.get_logger(__name__).bind(device=name)

    @property
    def pid(self) -> int | None:
        """Process id, once it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Spawn the process; everything else is told to the listener."""
        self._task = asyncio.create_task(self._live(), name=f"worker {self._name}")

    def tell(self, command: Command) -> None:
        """Write a command to the worker; a worker that is ending or never reads gets nothing."""
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        if process.stdin.transport.get_write_buffer_size() > MOST_UNREAD_COMMAND_BYTES:
            self._log.warning("command dropped: worker does not read")
            return
        process.stdin.write(self._encoder.encode(command) + b"\n")

    def kill(self) -> None:
        """SIGKILL: works on a process that hangs or is stopped."""
        self._kill_wanted = True
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def close(self, grace_seconds: float) -> None:
        """Close the worker's input so that it leaves its device safe; make sure that it ends."""
        if self._task is None:
            return
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        await asyncio.wait({self._task}, timeout=grace_seconds)
        if not self._task.done():
            self._log.warning("worker did not end by itself; killed", grace_seconds=grace_seconds)
            self.kill()
        await self._task

    async def _live(self) -> None:
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=MAX_WORKER_LINE_BYTES,
            )
        except OSError as error:
            self._listener.worker_exited(f"could not be started: {error}")
            return
        if self._kill_wanted:
            self.kill()
        assert process.stdout is not None  # noqa: S101 - asked for with PIPE
        assert process.stderr is not None  # noqa: S101 - asked for with PIPE
        words = asyncio.create_task(self._log_words(process.stderr))
        try:
            await self._listen(process.stdout)
        except Exception as bug:
            self._listener.worker_mishandled(bug)
            self.kill()
        finally:
            await self._reap(process, process.stdout, words)

    async def _reap(
        self,
        process: asyncio.subprocess.Process,
        stdout: asyncio.StreamReader,
        words: asyncio.Task[None],
    ) -> None:
        while await stdout.read(MAX_WORKER_LINE_BYTES):
            pass  # so that the pipe closes and the process can be reaped
        code = await process.wait()
        # A grandchild may hold the pipe open; what the worker itself had to say is there by now.
        await asyncio.wait({words}, timeout=0.5)
        words.cancel()
        try:
            self._listener.worker_exited(_how(code))
        except Exception as bug:
            self._listener.worker_mishandled(bug)

    async def _listen(self, stdout: asyncio.StreamReader) -> None:
        allowance = Allowance(LINES_A_SECOND, LINES_AT_ONCE, self._clock)
        while True:
            try:
                line = await stdout.readline()
            except ValueError:
                self._listener.worker_misbehaves(
                    f"line longer than {MAX_WORKER_LINE_BYTES} bytes on standard output"
                )
                return
            if not line.endswith(b"\n"):
                return  # the end, or half a line of a worker that was killed while writing
            if not allowance.take():
                self._listener.worker_misbehaves(
                    f"more than {LINES_A_SECOND:g} lines a second on standard output"
                )
                return
            try:
                message = self._decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self._log.warning("line of the worker dropped", error=str(error))
                continue
            self._listener.worker_says(message)

    async def _log_words(self, stderr: asyncio.StreamReader) -> None:
        allowance = Allowance(LOG_LINES_A_SECOND, LOG_LINES_AT_ONCE, self._clock)
        while True:
            try:
                line = await stderr.readline()
            except ValueError:
                continue  # longer than the limit: readline has thrown it away
            if not line:
                return
            if allowance.take():
                words = line.decode(errors="backslashreplace").rstrip()[:LONGEST_LOG_LINE]
                self._log.info("worker says", words=words, pid=self.pid)


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
