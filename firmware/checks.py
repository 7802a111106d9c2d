"""``outpost test``: style, types, import arrows and all tests, in that order, all of them run.

``outpost test --crash``: power cuts by the thousand, beyond what the tests do each time.
``outpost test --fuzz``: random stories of kiosks and a gateway by the thousand.
``outpost bench store``: what durability costs. Both live with the tests, on whose tools they stand.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _commands(pytest_arguments: Sequence[str]) -> list[tuple[str, list[str]]]:
    binaries = Path(sys.executable).parent
    tests = ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadgroup", "-q", "--durations=25"]
    pytest = ("tests", [sys.executable, "-m", "pytest", *tests, *pytest_arguments])
    if pytest_arguments:
        return [pytest]
    return [
        ("style", [str(binaries / "ruff"), "check", "."]),
        ("format", [str(binaries / "ruff"), "format", "--check", "."]),
        ("types", [str(binaries / "mypy")]),
        ("import arrows", [str(binaries / "lint-imports")]),
        pytest,
    ]


def run_power_cuts(arguments: Sequence[str]) -> int:
    """Cut the power of the store thousands of times (``outpost test --crash``)."""
    return _run_module("tests.crash.campaign", arguments)


def run_stories(arguments: Sequence[str]) -> int:
    """Tell random stories of kiosks and a gateway (``outpost test --fuzz``)."""
    return _run_module("tests.simulation.campaign", arguments)


def run_store_bench(arguments: Sequence[str]) -> int:
    """Measure the store beside the disk and other queues (``outpost bench store``)."""
    return _run_module("tests.bench.store", arguments)


def _run_module(name: str, arguments: Sequence[str]) -> int:
    # In the caller's directory: files are named from there.
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", name, *arguments], env=os.environ | {"PYTHONPATH": paths}
    )
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # it has heard it too, cleans up and ends


def run_checks(pytest_arguments: Sequence[str]) -> int:
    """Run every check even when one fails; return 0 only if all passed."""
    failed = []
    for name, command in _commands(pytest_arguments):
        print(f"--- {name}", flush=True)
        began = time.monotonic()
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            failed.append(name)
        print(f"--- {name}: {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        print(f"outpost test: failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    return 0
