"""Keeps the cluster of one test run: makes it, waits for the run to end, removes it.

A process of its own, in a session of its own: Ctrl-C and even SIGKILL of the test run end in a
stopped server and an empty place. Killed itself, it takes the server along.

Usage: ``python -m tests.postgres.keeper DIRECTORY OWNER_PID``
"""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

from store_forward.gateway.database import open_database
from tests.postgres.cluster import PrivateCluster

TEMPLATE = "outpost_template"
"""A migrated database; one for a test is a copy of it."""

READY = "ready"
"""File that appears in the directory when the cluster can be used."""


def keep(directory: Path, owner: int) -> None:
    """Run the cluster until the owner's process is gone or SIGTERM comes."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    cluster = PrivateCluster(directory)
    try:
        gone = os.pidfd_open(owner)
        cluster.create()
        open_database(cluster.create_database(TEMPLATE)).close()
        (directory / READY).touch()
        poll = select.poll()
        poll.register(gone, select.POLLIN)
        poll.poll()
    except ProcessLookupError:
        pass  # the owner is gone already
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        cluster.remove()


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
