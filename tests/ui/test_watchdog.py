"""The screen's word to systemd: ready when the loop turns, alive as long as it does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ui.display import prepare_display
from ui.systemd_notify import ALIVE, READY, notify, watchdog_interval_seconds

LIMIT_SECONDS = 0.6


class Systemd:
    """The socket that a watched service reports to."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self.environment = {
            "NOTIFY_SOCKET": str(path),
            "WATCHDOG_USEC": str(round(LIMIT_SECONDS * 1_000_000)),
        }

    def next_word(self, seconds: float) -> str | None:
        """What the service says next, or None if it is silent for so long."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(100).decode()
        except TimeoutError:
            return None

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    systemd = Systemd(tmp_path / "notify")
    yield systemd
    systemd.close()


@pytest.fixture
def ui(systemd: Systemd, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    prepare_display()
    command = [sys.executable, "-m", "ui", "--socket", str(tmp_path / "core.sock"), "--windowed"]
    process = subprocess.Popen(
        command, cwd=Path(__file__).parents[2], env={**os.environ, **systemd.environment}
    )
    yield process
    process.kill()
    process.wait(10)


def test_the_screen_is_ready_and_then_alive_without_core(
    systemd: Systemd, ui: subprocess.Popen[bytes]
) -> None:
    assert systemd.next_word(20) == READY
    assert [systemd.next_word(5) for _ in range(3)] == [ALIVE] * 3


def test_a_screen_whose_loop_stands_still_says_nothing(
    systemd: Systemd, ui: subprocess.Popen[bytes]
) -> None:
    assert systemd.next_word(20) == READY
    ui.send_signal(signal.SIGSTOP)
    silent_from = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < silent_from and systemd.next_word(0.05):
        pass  # what it had said before

    assert systemd.next_word(2 * LIMIT_SECONDS) is None


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@nobody-listens", "nonsense"])
def test_a_desk_without_systemd_does_not_stop_the_screen(address: str) -> None:
    notify(READY, {"NOTIFY_SOCKET": address})


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 1.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_the_interval_is_a_third_of_the_limit_meant_for_this_process(
    environment: dict[str, str], seconds: float | None
) -> None:
    assert watchdog_interval_seconds(environment) == seconds
