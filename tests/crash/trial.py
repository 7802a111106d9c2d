"""One trial: a workload is recorded, and crash states of it are judged."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.crash.blow import Blow
from tests.crash.damage import damaged_state, damaged_states
from tests.crash.judge import Verdict, judge
from tests.crash.recording import Recording, WorkloadFailed, files_in, record, write_files
from tests.crash.replayer import CrashState, crash_states, final_state, states_named
from tests.crash.workloads import catalogue

FAILURES = Path(tempfile.gettempdir()) / "outpost-crash-failures"
"""Recordings of workloads that were harmed: encryption makes none like another."""

ONE_IN = 4
"""One in so many states must also stand the loss of its database after the first start."""

MEMORY = Path("/dev/shm")
"""A disk that forgets: fsync costs nothing there."""

SCRATCH = "OUTPOST_CRASH_FOLDER"
"""Environment variable: where scratch directories are made, else in memory."""

_LISTED = 10


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory in memory where there is one: thousands of states are written and dropped."""
    where = os.environ.get(SCRATCH) or (MEMORY if MEMORY.is_dir() else None)
    with tempfile.TemporaryDirectory(prefix="outpost-crash-", dir=where) as folder:
        yield Path(folder)


def recorded(workload: str, seed: int) -> Recording:
    """Run the workload once under the recorder.

    Raises WorkloadFailed also where the recording does not lead to the files that are there then:
    the recorder has missed something, and no state built from it is worth a look.
    """
    with scratch() as outside:
        folder = outside / "disk"
        folder.mkdir()
        catalogue.prepare(workload, seed, folder)
        forgets = catalogue.of(workload).forgets
        return whole(record(workload, seed, folder, forgets=forgets), folder)


def whole(recording: Recording, folder: Path) -> Recording:
    """The recording, if replayed it leads to the files in the folder. Raises WorkloadFailed."""
    if final_state(recording) != files_in(folder):
        raise WorkloadFailed(
            f"{recording.name}: replayed, it does not give the files that are there"
        )
    return recording


def judged(state: CrashState, folder: Path) -> Verdict:
    """Lay the state out in the (emptied) folder and judge it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_files(state.files, folder)
    workload = catalogue.of(state.workload)
    blow = workload.blow if state.blow is Blow.POWER_CUT else state.blow
    chosen = zlib.crc32(state.name.encode()) % ONE_IN == 0
    twice = chosen and blow is not Blow.DAMAGE_TO_ALL
    return judge(folder, state.notes, workload.kiosk, blow, look=workload.look, twice=twice)


def states_of(recording: Recording, wanted: int, seed: int) -> Iterator[CrashState]:
    """What may become of a workload: power cuts, or the damages that it is there for."""
    damages = catalogue.of(recording.workload).damages
    if damages:
        return damaged_states(recording, damages, wanted, seed)
    return crash_states(recording, wanted, seed)


def state_named(recording: Recording, name: str) -> CrashState:
    """The state of this name: what ``states_of`` called it, or its last two parts."""
    cut, variant = name.split("/")[-2:]
    if catalogue.of(recording.workload).damages:
        return damaged_state(recording, variant)
    [state] = states_named(recording, [f"{cut}/{variant}"])
    return state


def explained(recording: Recording, harmed: Mapping[str, Verdict]) -> str:
    """Say what was harmed and how to see it again; keeps the recording for that."""
    FAILURES.mkdir(exist_ok=True)
    kept = FAILURES / f"{recording.name.replace('/', '-')}-{time.time_ns()}.rec"
    recording.save(kept)
    lines = [f"{name}: {verdict.harm}: {verdict.detail}" for name, verdict in harmed.items()]
    again = f"see one again: outpost test --crash --recording {kept} --state CUT/VARIANT"
    head = f"{len(lines)} states of {recording.name} were harmed"
    return "\n".join([head, *lines[:_LISTED], again])
