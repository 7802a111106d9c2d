"""``outpost test --crash``: thousands of power cuts, a table at the end.

Jobs run in a few processes; each records a workload and judges some states of it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.judge import Harm
from tests.crash.recording import Recording, WorkloadFailed, write_files
from tests.crash.trial import SCRATCH, explained, judged, recorded, scratch, state_named, states_of
from tests.crash.workloads import catalogue

STATES_OF_A_RECORDING = 60
"""More recordings with fewer states each see more: threads and random numbers differ."""

CONTROL_SHARE = 0.02
"""Of the states wanted, for each control."""

CAUGHT = 0.2
"""A control is caught when at least this share of its states was harmed: by far, not by luck."""

_PROGRESS_SECONDS = 10.0

ABOUT = """\
Cuts the power of a kiosk's store, again and again, at every operation.

Real processes do what kiosks do (append entries, store receipts, empty the log, recover, ...)
while a recorder writes down every write, fsync, rename and unlink. From that the disk is built as
it may be after a cut at any operation: what was fsynced is there, of the rest nothing, some, the
later without the earlier, or single sectors. Each such state is started from as core does it, and
compared with what had been acknowledged; one in four then loses its database altogether and must
start again from the mirror. The workload "damage" flips bits, cuts, empties, exchanges and removes
log, database and mirror instead.

  lost        an acknowledged entry, receipt or mark is gone
  corrupt     a wrong entry, half a group, a refused entry, a broken chain
  unreadable  the store does not open

Controls write in ways that lose entries (synchronous=NORMAL and others). If one of them is NOT
caught, this test is worth nothing and fails.

Exit code: 0 all promises kept and all controls caught; 1 if not; 130 after Ctrl-C.
"""


@dataclass(frozen=True)
class Job:
    """One recording of a workload and how many of its states to judge."""

    workload: str
    seed: int
    states: int


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    job: Job
    states: int
    harms: dict[Harm, int]
    seconds: float
    report: str = ""


@dataclass
class Tally:
    """Sum of all jobs of one workload."""

    recordings: int = 0
    states: int = 0
    seconds: float = 0.0
    harms: Counter[Harm] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count one more job."""
        self.recordings += 1
        self.states += outcome.states
        self.seconds += outcome.seconds
        self.harms.update(outcome.harms)

    @property
    def harmed(self) -> int:
        """States in which a promise was broken."""
        return sum(self.harms.values())


def jobs(workloads: Sequence[str], states: int, seed: int) -> list[Job]:
    """Divide the states among workloads and recordings; controls come on top."""
    found = []
    shares = {name: -(-states // len(workloads)) for name in workloads}
    shares |= {name: max(20, round(states * CONTROL_SHARE)) for name in catalogue.CONTROLS}
    for name, share in shares.items():
        for number, begin in enumerate(range(0, share, STATES_OF_A_RECORDING)):
            wanted = min(STATES_OF_A_RECORDING, share - begin)
            found.append(Job(name, 1000 * seed + number, wanted))
    # All workloads from the start, so that a hopeless one shows early.
    return sorted(found, key=lambda job: job.seed)


def do(job: Job) -> Outcome:
    """Record and judge."""
    began = time.monotonic()
    try:
        recording = recorded(job.workload, job.seed)
    except WorkloadFailed as failure:
        # A workload that cannot even run to its end is as bad as a state that does not open.
        return Outcome(job, 0, {Harm.UNREADABLE: 1}, time.monotonic() - began, str(failure))
    looked_at, harmed = 0, {}
    with scratch() as folder:
        for state in states_of(recording, job.states, job.seed):
            looked_at += 1
            verdict = judged(state, folder / "disk")
            if verdict.harm:
                harmed[state.name] = verdict
    harms = Counter(verdict.harm for verdict in harmed.values() if verdict.harm)
    is_bad = harmed and job.workload in catalogue.WORKLOADS
    report = explained(recording, harmed) if is_bad else ""
    return Outcome(job, looked_at, dict(harms), time.monotonic() - began, report)


def campaign(workloads: Sequence[str], states: int, seed: int, processes: int) -> int:
    """Run all jobs, print progress and the table; return the exit code."""
    todo = jobs(workloads, states, seed)
    tallies = {name: Tally() for name in (*workloads, *catalogue.CONTROLS)}
    began = told = time.monotonic()
    print(f"{states} states of {len(workloads)} workloads in {len(todo)} recordings, seed {seed}")
    spawning = multiprocessing.get_context("spawn")
    with spawning.Pool(processes, _ignore_interrupts) as pool:
        outcomes = pool.imap_unordered(do, todo)
        done = 0
        while done < len(todo):
            try:
                outcome = outcomes.next(timeout=_PROGRESS_SECONDS)
            except multiprocessing.TimeoutError:
                outcome = None
            if outcome is not None:
                done += 1
                tallies[outcome.job.workload].add(outcome)
                if outcome.report:
                    print(outcome.report, flush=True)
            if time.monotonic() - told >= _PROGRESS_SECONDS or done == len(todo):
                told = time.monotonic()
                _tell_progress(tallies, done, len(todo), told - began)
    print(table(tallies, time.monotonic() - began))
    return judgement(tallies)


def judgement(tallies: dict[str, Tally]) -> int:
    """0 when no workload was harmed and every control was; says what is wrong otherwise."""
    code = 0
    for name, tally in tallies.items():
        is_control = name in catalogue.CONTROLS
        if not is_control and tally.harmed:
            print(f"BROKEN PROMISES in {name}: {tally.harmed} of {tally.states} states")
            code = 1
        if is_control and tally.harmed < CAUGHT * tally.states:
            print(f"CONTROL NOT CAUGHT: {name} ({tally.harmed} of {tally.states} states harmed)")
            code = 1
    if code == 0:
        print("every promise was kept, and every control was caught")
    return code


def table(tallies: dict[str, Tally], seconds: float) -> str:
    """The result, one line for each workload."""
    head = f"{'workload':<22}{'recordings':>11}{'states':>8}"
    lines = [head + "".join(f"{harm.value:>12}" for harm in Harm) + f"{'states/s':>10}"]
    for name, tally in tallies.items():
        mark = " (control)" if name in catalogue.CONTROLS else ""
        rate = tally.states / tally.seconds if tally.seconds else 0.0
        harms = "".join(f"{tally.harms[harm]:>12}" for harm in Harm)
        lines.append(f"{name:<22}{tally.recordings:>11}{tally.states:>8}{harms}{rate:>10.0f}{mark}")
    total = sum(tally.states for tally in tallies.values())
    lines.append(f"{total} states in {seconds:.0f} s, {total / seconds:.0f} a second")
    return "\n".join(lines)


def show(recording: Recording, name: str) -> int:
    """Judge one state again and tell what led to it; keep its files for a closer look."""
    state = state_named(recording, name)
    for number, operation in enumerate(recording.operations[: state.cut], 1):
        print(f"{number:>5}  {operation}")
    print(f"----- power cut, {name.split('/')[-1]} survives of what was not fsynced")
    folder = Path(tempfile.mkdtemp(prefix="outpost-crash-state-"))
    verdict = judged(state, folder / "after-recovery")
    (folder / "as-found").mkdir()
    write_files(state.files, folder / "as-found")
    print(f"files: {folder}")
    print(f"{verdict.harm or 'every promise kept'} {verdict.detail}")
    return 1 if verdict.harm else 0


def _tell_progress(tallies: dict[str, Tally], number: int, of: int, seconds: float) -> None:
    states = sum(tally.states for tally in tallies.values())
    harmed = sum(tally.harmed for name, tally in tallies.items() if name not in catalogue.CONTROLS)
    print(
        f"{seconds:5.0f} s  {number} of {of} recordings, {states} states, {harmed} harmed",
        flush=True,
    )


def _ignore_interrupts() -> None:
    """Ctrl-C is for the parent, which then ends us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(
        prog="outpost test --crash",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--states", type=int, default=10_000, help="how many (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="other seed, other states (default: 1)")
    parser.add_argument(
        "--workload", action="append", choices=sorted(catalogue.WORKLOADS), help="only this one"
    )
    parser.add_argument("--processes", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--recording", type=Path, metavar="FILE", help="kept after a failure")
    parser.add_argument("--state", metavar="CUT/VARIANT", help="show this state of the recording")
    asked = parser.parse_args(arguments)
    if (asked.recording is None) != (asked.state is None):
        parser.error("--recording and --state belong together")
    if asked.recording is not None:
        return show(Recording.load(asked.recording), asked.state)
    if asked.states < 1 or asked.processes < 1:
        parser.error("at least one state and one process are needed")
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    # Everything the processes write goes below one directory, which is removed whatever happens.
    with scratch() as folder:
        os.environ[SCRATCH] = str(folder)
        workloads = asked.workload or list(catalogue.WORKLOADS)
        try:
            return campaign(workloads, asked.states, asked.seed, asked.processes)
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
            return 130
        finally:
            del os.environ[SCRATCH]


if __name__ == "__main__":
    sys.exit(main())
