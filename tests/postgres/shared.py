"""The cluster all workers of a test run share: started by the first that needs it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.postgres.cluster import START_SECONDS, NoCluster, PrivateCluster
from tests.postgres.keeper import READY

PREFIX = "outpost-postgres-"
KEEPER = "keeper"
"""File with the keeper's process id."""

STOP_SECONDS = 20.0
ROOT = Path(__file__).parents[2]


def run_owner() -> int:
    """The process whose end is the end of the test run: a worker's parent, or this one."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


def join_cluster(owner: int) -> PrivateCluster:
    """The cluster of this run, started if nobody did. Raises NoCluster."""
    directory = _directory(owner)
    directory.mkdir(mode=0o711, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / READY).exists():
            _clear_abandoned()
            _start_keeper(directory, owner)
    return PrivateCluster(directory)


def end_cluster(owner: int) -> None:
    """Stop the run's cluster, if it has one, and wait until nothing is left of it."""
    try:
        keeper = int((_directory(owner) / KEEPER).read_text())
        ended = os.pidfd_open(keeper)
    except (FileNotFoundError, ProcessLookupError):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(keeper, signal.SIGTERM)
    select.select([ended], [], [], STOP_SECONDS)
    os.close(ended)


def _directory(owner: int) -> Path:
    return Path(tempfile.gettempdir()) / f"{PREFIX}{owner}"


def _start_keeper(directory: Path, owner: int) -> None:
    with (directory / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.postgres.keeper", str(directory), str(owner)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (directory / KEEPER).write_text(str(keeper.pid))
    deadline = time.monotonic() + START_SECONDS
    while not (directory / READY).exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise NoCluster((directory / "keeper.log").read_text())
        time.sleep(0.02)
    keeper.returncode = 0  # it outlives this worker; whoever ends the run ends it


def _clear_abandoned() -> None:
    """Remove what a run left whose keeper was killed too."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = left.name.removeprefix(PREFIX)
        if owner.isdecimal() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)
