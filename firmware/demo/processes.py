"""Starts the real processes and keeps them alive as systemd would; stops all of them cleanly."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

STOP_SECONDS = 8.0
"""How long a process has to leave after SIGTERM before it is killed."""

RESTART_SECONDS = 0.5
"""Pause before a process that ended by itself is started again (systemd's RestartSec)."""

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal a child gets when its parent dies."""


class ProcessFailed(Exception):
    """A process did not come up or stopped coming up; names it and quotes its last log lines."""


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class _Kept:
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes]
    restarts: int = 0
    last_start: float = field(default_factory=time.monotonic)


class Processes:
    """A set of named processes. One keeper thread restarts what dies by itself.

    ``on_restart`` is told the name and the exit code of each process that had to be restarted.
    """

    def __init__(self, logs: Path, on_restart: Callable[[str, int], None]) -> None:
        self._logs = logs
        self._on_restart = on_restart
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """Start a process under its name; its output goes to ``<logs>/<name>.log``."""
        full = {**os.environ, **(environment or {})}
        log = self._logs / f"{name}.log"
        with self._lock:
            self._kept[name] = _Kept(command, full, log, self._spawn(command, full, log))
        if not self._keeper.is_alive():
            self._keeper.start()

    def pid(self, name: str) -> int:
        """Return the process id that now runs under this name."""
        with self._lock:
            return self._kept[name].process.pid

    def restarts(self, name: str) -> int:
        """Return how often the process had to be started again."""
        with self._lock:
            return self._kept[name].restarts

    def is_running(self, name: str) -> bool:
        """Tell whether the process is alive now."""
        with self._lock:
            return self._kept[name].process.poll() is None

    def kill(self, name: str, sign: int = signal.SIGKILL) -> None:
        """Send a signal; the keeper starts the process again when it dies of it."""
        with self._lock:
            os.kill(self._kept[name].process.pid, sign)

    def tail(self, name: str, lines: int = 12) -> str:
        """Return the last lines of a process's log."""
        log = self._logs / f"{name}.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def wait_until(self, what: str, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until ``ready`` holds.

        Raises:
            ProcessFailed: it did not within ``seconds``.
        """
        limit = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > limit:
                raise ProcessFailed(f"{what}: not within {seconds:.0f} s\n{self.tail(name)}")
            time.sleep(0.05)

    def stop(self, name: str) -> None:
        """Stop one process for good: SIGTERM, then SIGKILL."""
        with self._lock:
            self._stop(self._kept.pop(name))

    def stop_all(self) -> None:
        """Stop in the reverse order of starting: SIGTERM, then SIGKILL. Safe to call twice."""
        self._stopping.set()
        if self._keeper.is_alive():
            self._keeper.join()
        with self._lock:
            for kept in reversed(list(self._kept.values())):
                self._stop(kept)
            self._kept.clear()

    def _stop(self, kept: _Kept) -> None:
        if kept.process.poll() is None:
            kept.process.terminate()
            kept.process.send_signal(signal.SIGCONT)
        try:
            kept.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            kept.process.kill()
            kept.process.wait()

    def _spawn(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone; we stop them in order
                preexec_fn=_die_with_parent,
            )

    def _keep(self) -> None:
        while not self._stopping.wait(0.1):
            restarted: list[tuple[str, int]] = []
            with self._lock:
                for name, kept in self._kept.items():
                    code = kept.process.poll()
                    if code is None or time.monotonic() - kept.last_start < RESTART_SECONDS:
                        continue
                    kept.process = self._spawn(kept.command, kept.environment, kept.log)
                    kept.restarts += 1
                    kept.last_start = time.monotonic()
                    restarted.append((name, code))
            for name, code in restarted:
                self._on_restart(name, code)
