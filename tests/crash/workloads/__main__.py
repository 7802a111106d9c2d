"""``python -m tests.crash.workloads NAME SEED FOLDER``: the process that is recorded."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.crash.workloads.catalogue import run

if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
