"""One peripheral's worker process, started by the supervisor: builds the driver and runs it."""

from __future__ import annotations

import argparse
import sys

from firmware.assembly.drivers import build_driver
from firmware.assembly.process import leave_out_tls
from firmware.supervisor.worker import run_worker


def main() -> int:
    """Run the worker until its standard input ends; the exit code tells the supervisor why."""
    leave_out_tls()
    parser = argparse.ArgumentParser(prog="outpost-worker", description=__doc__)
    for option in ("kind", "driver", "name", "port"):
        parser.add_argument(f"--{option}", required=True)
    asked = parser.parse_args()
    return run_worker(lambda: build_driver(asked.kind, asked.driver, asked.name, asked.port))


if __name__ == "__main__":
    sys.exit(main())
