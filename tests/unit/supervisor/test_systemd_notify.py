"""The words to systemd."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from firmware.systemd_notify import ALIVE, READY, notify, watchdog_interval_seconds


def test_without_systemd_nothing_happens() -> None:
    notify(READY, {})


def test_systemd_hears_the_state(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        notify(ALIVE, {"NOTIFY_SOCKET": str(path)})
        assert systemd.recv(100) == b"WATCHDOG=1"


def test_systemd_hears_the_state_on_an_abstract_socket() -> None:
    name = f"outpost-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{name}")
        notify(READY, {"NOTIFY_SOCKET": f"@{name}"})
        assert systemd.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["/nowhere/at/all", "@nobody-listens", "nonsense"])
def test_a_missing_systemd_does_not_stop_the_process(address: str) -> None:
    notify(READY, {"NOTIFY_SOCKET": address})


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_the_interval_is_half_of_the_limit_meant_for_this_process(
    environment: dict[str, str], seconds: float | None
) -> None:
    assert watchdog_interval_seconds(environment) == seconds
