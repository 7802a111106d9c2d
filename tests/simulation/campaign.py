"""Random stories of kiosks and a gateway by the thousand (``outpost test --fuzz``)."""

from __future__ import annotations

import argparse
import secrets
import sys
import threading
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
restart, disks are copied, rolled back and cloned, database and mirror are damaged at once, the
gateway is killed within transactions and restored from backups, entries are refused and decided
about by staff. In the end all heals, and every accepted entry must be at the gateway, once, but for
those that both copies have lost and the kiosk has named.

Controls have a fault built in that must be found. If one is NOT found, this test is worth nothing
and fails.

A story that breaks a promise is shortened and printed, rule by rule.

Exit code: 0 all promises kept and all controls caught; 1 if not; 130 after Ctrl-C.
"""

ROUND = 100
"""Stories of one seed."""

APART_SECONDS = 5.0
"""Between two lines of progress."""

CONTROLS = (
    broken.WithoutDedup,
    broken.AnsweringTooEarly,
    broken.ForgettingLosses,
    broken.WithoutVerification,
    broken.WithoutOrder,
)

CONTROL_STORIES = 300


class Progress:
    """Says how far it is, whatever takes long: many stories, one, or the shortening of one."""

    def __init__(self, stories: int) -> None:
        self._stories = stories
        self._began = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="progress", daemon=True)
        self.told = 0
        self.at = "stories"

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def line(self) -> str:
        """Where it is now."""
        seconds = time.monotonic() - self._began
        return f"{self.at}: {self.told} of {self._stories} told, {seconds:.0f} s"

    def _tell(self) -> None:
        while not self._done.wait(APART_SECONDS):
            print(self.line(), flush=True)


def _counting(machine: type[Simulation], progress: Progress) -> type[Simulation]:
    class Counted(machine):  # type: ignore[misc, valid-type]
        """The same, and each end of a story counts."""

        def teardown(self) -> None:
            progress.told += 1
            super().teardown()

    Counted.__qualname__ = Counted.__name__ = machine.__name__
    return Counted


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


def _is_found(control: type[Simulation], start: int, progress: Progress) -> bool:
    progress.at = f"control {control.__name__}"
    try:
        told = seed(start)(_counting(control, progress))
        run_state_machine_as_test(told, settings=_rules(CONTROL_STORIES, 30))
    except AssertionError as found:
        print(f"control {control.__name__}: found ({found})"[:150], flush=True)
        return True
    print(f"control {control.__name__}: NOT FOUND in {CONTROL_STORIES} stories", flush=True)
    return False


def run(stories: int, steps: int, start: int, has_controls: bool) -> int:
    """Tell the stories; return the exit code."""
    print(f"{stories} stories of up to {steps} steps, --seed {start}", flush=True)
    with Progress(stories) as progress:
        return _run(stories, steps, start, has_controls, progress)


def _run(stories: int, steps: int, start: int, has_controls: bool, progress: Progress) -> int:
    for number, told in enumerate(range(0, stories, ROUND)):
        count = min(ROUND, stories - told)
        machine = seed(start + number)(_counting(Simulation, progress))
        try:
            run_state_machine_as_test(machine, settings=_rules(count, steps))
        except AssertionError:
            print(f"a promise was broken; again: --examples {count} --seed {start + number}")
            raise
        print(f"{progress.line()}, seed {start + number} kept", flush=True)
    found = [_is_found(each, start, progress) for each in CONTROLS] if has_controls else [True]
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
