"""``python -m tests.crash.workloads NAME SEED FOLDER``: the process that is recorded."""

from __future__ import annotations

import sys
from pathlib import Path

from store_forward.store.mirror import mirror
from tests.crash.workloads.catalogue import run

if __name__ == "__main__":
    mirror.ENTRIES_KEPT = 0  # in stories as short as these, segments go as they do in long ones
    run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
