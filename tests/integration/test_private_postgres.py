"""The tests' own PostgreSQL leaves nothing behind, however a test run ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.postgres.shared import PREFIX

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 20.0

RUN = """
import os, signal, sys, time
from tests.postgres.shared import join_cluster

cluster = join_cluster(os.getpid())
print(cluster.process_id(), (cluster.directory / "keeper").read_text(), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("victim", ["run", "keeper"])
def test_nothing_is_left_when_the_run_or_its_keeper_is_killed(victim: str) -> None:
    run = subprocess.Popen([sys.executable, "-c", RUN], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    with run.stdout as told:
        server, keeper = (int(number) for number in told.readline().split())
    left = Path(tempfile.gettempdir()) / f"{PREFIX}{run.pid}"
    os.kill(run.pid if victim == "run" else keeper, signal.SIGKILL)
    try:
        until(lambda: not is_alive(server), "the server goes on")
        if victim == "run":
            until(lambda: not left.exists(), "its files are still there")
    finally:
        run.kill()
        run.wait()
        shutil.rmtree(left, ignore_errors=True)  # else the next run's cluster would do it


def is_alive(process: int) -> bool:
    try:
        state = Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def until(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.02)
