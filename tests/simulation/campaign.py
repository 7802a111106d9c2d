"""Random stories of kiosks and a gateway by the thousand (``outpost test --fuzz``)."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Sequence

from hypothesis import HealthCheck, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation import broken
from tests.simulation.machine import Simulation

ABOUT = """\
Tells random stories of kiosks and a gateway, and checks what must hold after every step.

Real stores, the real sync, the real gateway application and database in one process, without
waiting: patients pay and cancel, requests and answers get lost, late, cut and forged, machines
restart, disks are copied, rolled back and cloned, the gateway is killed within transactions and
restored from backups, entries are refused and decided about by staff. In the end all heals, and
every accepted entry must be at the gateway, once.

Controls have a fault built in that must be found. If one is NOT found, this test is worth nothing
and fails.

A story that breaks a promise is shortened and printed, rule by rule.

Exit code: 0 all promises kept and all controls caught; 1 if not; 130 after Ctrl-C.
"""

ROUND = 100
"""Stories between two lines of progress."""

CONTROLS = (
    broken.WithoutDedup,
    broken.AnsweringTooEarly,
    broken.WithoutVerification,
    broken.WithoutOrder,
)

CONTROL_STORIES = 300


def _rules(stories: int, steps: int) -> settings:
    return settings(
        max_examples=stories,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.normal,
        report_multiple_bugs=False,
    )


def _is_found(control: type[Simulation], start: int) -> bool:
    try:
        told = seed(start)(control)
        run_state_machine_as_test(told, settings=_rules(CONTROL_STORIES, 30))
    except AssertionError as found:
        print(f"control {control.__name__}: found ({found})"[:150], flush=True)
        return True
    print(f"control {control.__name__}: NOT FOUND in {CONTROL_STORIES} stories", flush=True)
    return False


def run(stories: int, steps: int, start: int, has_controls: bool) -> int:
    """Tell the stories; return the exit code."""
    began = time.monotonic()
    print(f"{stories} stories of up to {steps} steps, --seed {start}", flush=True)
    for number, told in enumerate(range(0, stories, ROUND)):
        count = min(ROUND, stories - told)
        machine = seed(start + number)(Simulation)
        try:
            run_state_machine_as_test(machine, settings=_rules(count, steps))
        except AssertionError:
            print(f"a promise was broken; again: --examples {count} --seed {start + number}")
            raise
        print(f"{told + count} of {stories}, {time.monotonic() - began:.0f} s", flush=True)
    found = [_is_found(each, start) for each in CONTROLS] if has_controls else [True]
    return 0 if all(found) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(
        prog="outpost test --fuzz",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--examples", type=int, default=2_000, metavar="N", help="stories (2000)")
    parser.add_argument("--steps", type=int, default=50, help="rules in one story at most (50)")
    parser.add_argument("--seed", type=int, default=None, help="begin with this one (random)")
    parser.add_argument("--no-controls", action="store_true", help="leave the controls out")
    asked = parser.parse_args(arguments)
    start = asked.seed if asked.seed is not None else secrets.randbelow(10**6)
    try:
        return run(asked.examples, asked.steps, start, not asked.no_controls)
    except AssertionError as broken_promise:
        notes = "\n".join(getattr(broken_promise, "__notes__", ()))
        print(f"{notes}\n{broken_promise}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
