"""Brings a journal into order at core's start, one idempotent step after the other.

After each step everything is looked at anew, so a cut at any moment is one more start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import assert_never

from store_forward.store.driver import Connection
from store_forward.store.errors import DamagedStore
from store_forward.store.identity import Identity
from store_forward.store.keys import StoreKey
from store_forward.store.mirror.mirror import Mirror
from store_forward.store.recovery import steps
from store_forward.store.recovery.counter import Counter
from store_forward.store.recovery.decision import (
    AppendTail,
    Create,
    GoOn,
    LeaveOut,
    Plan,
    Rebuild,
    Refuse,
    Replace,
    decide,
)
from store_forward.store.recovery.findings import Absent
from store_forward.store.recovery.look import Looked, look
from store_forward.store.recovery.notes import EntryOf, Mended
from store_forward.store.recovery.report import RecoveryReport
from store_forward.store.recovery.settling import (
    is_suspect,
    note_suspicion,
    noting_damage,
    settle,
)

MOST_STEPS = 6
"""More than any state needs: recovery that does not come to an end must say so."""

__all__ = ["Kept", "Recovery", "is_suspect", "note_suspicion", "noting_damage"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A journal in order: its open database, whose it is, and what had to be done."""

    connection: Connection
    identity: Identity
    report: RecoveryReport
    counter: int | None


class Recovery:
    """Recovers one store. ``mirror`` is locked by the caller; ``now`` returns an aware time."""

    def __init__(
        self,
        path: Path,
        key: StoreKey,
        mirror: Mirror,
        device: str,
        *,
        counter: Counter,
        now: Callable[[], datetime],
        entry_of: EntryOf,
    ) -> None:
        self._store = Mended(path, key, mirror, device, counter, now, entry_of)

    def run(self, *, create: bool, incarnation: str | None) -> Kept:
        """Bring the journal into order and open it.

        Raises:
            StoreMissing: there is none, and none was to be made.
            StoreError: nothing here can mend it; the files are as they were.
        """
        store = self._store
        thorough = is_suspect(store.path)
        for _ in range(MOST_STEPS):
            looked = self._look(thorough)
            plan = decide(looked.findings)
            if _is_doubtful(plan) and not thorough and looked.connection is not None:
                thorough = True  # more than the last append is missing: look at every page
                looked.connection.close()
                continue
            if isinstance(plan, GoOn) and looked.connection is not None:
                try:
                    settled = settle(store, looked, looked.connection)
                except BaseException:
                    looked.connection.close()
                    raise
                return Kept(looked.connection, settled.identity, settled.report, settled.counter)
            try:
                self._carry_out(plan, looked, create=create, incarnation=incarnation)
            finally:
                if looked.connection is not None:
                    looked.connection.close()
        raise DamagedStore(
            store.path,
            f"recovery came to no end after {MOST_STEPS} steps",
            "Keep all files and restore the store from backup",
        )

    def _look(self, thorough: bool) -> Looked:
        store = self._store
        looked = look(
            store.path,
            store.mirror.directory,
            store.key,
            store.device,
            store.counter.read(),
            thorough=thorough,
        )
        store.notes.damage |= dict.fromkeys(looked.findings.unreadable)
        return looked

    def _carry_out(
        self, plan: Plan, looked: Looked, *, create: bool, incarnation: str | None
    ) -> None:
        store = self._store
        match plan:
            case GoOn():
                pass
            case Create():
                steps.create(store, looked, wanted=create, incarnation=incarnation)
            case Refuse() if isinstance(looked.findings.database, Absent):
                raise DamagedStore(
                    store.path,
                    f"{plan.why} with this key",
                    f"Put the right key back; else keep {store.mirror.directory.name}, move it "
                    "away and restore a backup",
                )
            case Refuse():
                raise looked.fault or DamagedStore(store.path, plan.why, "Restore it from backup")
            case AppendTail():
                steps.append_tail(store, plan, looked)
            case Rebuild():
                steps.rebuild(store, plan, looked)
            case LeaveOut():
                steps.leave_out(store, plan, looked)
            case Replace():
                steps.replace(store, plan, looked)
            case _:
                assert_never(plan)


def _is_doubtful(plan: Plan) -> bool:
    """Whether more is missing than what a power cut in the middle of an append explains."""
    if not isinstance(plan, AppendTail):
        return isinstance(plan, LeaveOut)
    first, last = plan.stretches[0].after.seq, plan.stretches[-1].last.seq
    return last - first > 1 or bool(plan.gaps)
