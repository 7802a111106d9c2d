"""``python -m tests.faults.sweep FOLDER EXERCISE TROUBLE``: one exercise with each call failing."""

from __future__ import annotations

import shutil
import sys
import traceback
from pathlib import Path

import msgspec

from store_forward.store.errors import StoreError
from tests.faults.exercises import EXERCISES, Exercise
from tests.faults.injector import TROUBLES, Injector, Trouble
from tests.faults.ledger import Ledger

MOST_CALLS = 2000
"""No exercise makes so many."""


class Swept(msgspec.Struct, frozen=True):
    """``tried`` calls failed, one after the other; ``complaints`` name what was wrong after it."""

    tried: int
    complaints: tuple[str, ...]


def sweep(folder: Path, exercise: Exercise, trouble: Trouble, injector: Injector) -> Swept:
    """Do the exercise with the first call failing, the second, and so on, until none fails."""
    prepared = folder / "prepared"
    prepared.mkdir()
    exercise.prepare(prepared)
    complaints: list[str] = []
    for nth in range(1, MOST_CALLS):
        here = folder / "kiosk"
        shutil.copytree(prepared, here)
        ledger = Ledger()
        ledger.is_unread = trouble.only_reads_fail
        try:
            with injector.refusing(here, trouble, nth, exercise.files):
                _run(exercise, here, ledger)
            if injector.fired == 0:
                return Swept(nth - 1, tuple(complaints))
            said = exercise.check(here, ledger)
            if trouble.only_reads_fail:
                said += [f"{path.name}: set aside" for path in here.rglob("*.quarantined-*")]
            complaints += [f"call {nth}: {one}" for one in said]
        except Exception:
            complaints.append(f"call {nth}: {traceback.format_exc(limit=-6)}")
        shutil.rmtree(here)
    raise RuntimeError(f"still failing after {MOST_CALLS} calls")


def _run(exercise: Exercise, folder: Path, ledger: Ledger) -> None:
    try:
        exercise.run(folder, ledger)
    except StoreError:
        return  # it said so


def main(folder: str, exercise: str, trouble: str) -> None:
    swept = sweep(Path(folder), EXERCISES[exercise], TROUBLES[trouble], Injector())
    sys.stdout.write(f"\n{msgspec.json.encode(swept).decode()}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
