"""``python -m tests.faults [EXERCISE…]``: every exercise with every trouble, some minutes."""

from __future__ import annotations

import sys

from tests.faults.campaign import run_sweep
from tests.faults.exercises import EXERCISES
from tests.faults.injector import TROUBLES


def main(wanted: list[str]) -> int:
    """Print a line for each sweep and its complaints; return how many sweeps had any."""
    bad = 0
    for exercise in wanted or EXERCISES:
        for trouble in TROUBLES:
            if EXERCISES[exercise].is_large and TROUBLES[trouble].only_reads_fail:
                continue
            swept = run_sweep(exercise, trouble)
            bad += bool(swept.complaints)
            verdict = f"{len(swept.complaints)} complaints" if swept.complaints else "all kept"
            sys.stdout.write(f"{exercise:12} {trouble:20} {swept.tried:5} calls  {verdict}\n")
            for complaint in swept.complaints:
                sys.stdout.write(f"    {complaint}\n")
            sys.stdout.flush()
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
