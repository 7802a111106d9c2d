"""All workloads by name."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.crash.blow import Blow
from tests.crash.damage import DAMAGES
from tests.crash.judge import Look
from tests.crash.kiosk import KIOSK, Kiosk
from tests.crash.notebook import Notebook
from tests.crash.workloads import (
    controls,
    enqueue,
    handover,
    migration,
    outbox,
    recovery,
    rotation,
)

Step = Callable[[Path, random.Random, Notebook], None]


@dataclass(frozen=True)
class Workload:
    """``prepare`` makes the files that are there before, ``run`` is recorded.

    ``blow`` is what befell the disk before that. ``damages`` are there for workloads that show what
    befalls a disk besides power cuts. ``look`` looks at files beside the store.
    ``forgets``: what a failed fsync covered is on no disk, whatever later ones say.
    """

    prepare: Step
    run: Step
    kiosk: Kiosk = KIOSK
    blow: Blow = Blow.POWER_CUT
    damages: tuple[str, ...] = ()
    look: Look | None = None
    forgets: bool = False


def _nothing(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    pass


WORKLOADS: dict[str, Workload] = {
    "create": Workload(_nothing, enqueue.create),
    "enqueue": Workload(enqueue.prepare, enqueue.run),
    "checkpoint": Workload(enqueue.prepare, enqueue.run_with_checkpoints),
    "answer": Workload(outbox.prepare, outbox.answer),
    "park": Workload(outbox.prepare, outbox.park),
    "together": Workload(outbox.prepare, outbox.together),
    "purge": Workload(outbox.prepare_purge, outbox.purge),
    "migrate": Workload(migration.prepare, migration.run, migration.OLD_KIOSK),
    "recover": Workload(recovery.prepare, recovery.recover, blow=Blow.DAMAGE),
    "killed": Workload(enqueue.prepare, recovery.restart_after_kills),
    "failing-disk": Workload(enqueue.prepare, recovery.work_on_a_failing_disk),
    "forgetful-disk": Workload(enqueue.prepare, recovery.work_on_a_forgetful_disk, forgets=True),
    "roll-over": Workload(enqueue.prepare, enqueue.run_through_segments),
    "rotate-keys": Workload(rotation.prepare, rotation.run, rotation.SEALED),
    "back-up": Workload(enqueue.prepare, handover.back_up, look=handover.look_at_backups),
    "restore": Workload(handover.prepare_restore, handover.restore),
    "courier": Workload(outbox.prepare, handover.carry, look=handover.look_at_bundles),
    "damage": Workload(enqueue.prepare, outbox.days, damages=tuple(DAMAGES)),
}
"""What must survive every cut."""

CONTROLS: dict[str, Workload] = {
    "synchronous-normal": Workload(enqueue.prepare, controls.synchronous_normal),
    "acknowledged-early": Workload(enqueue.prepare, controls.acknowledged_early),
    "fsync-repeated": Workload(
        controls.prepare_without_mirror, controls.repeat_failed_fsyncs, forgets=True
    ),
    "mirror-off": Workload(
        controls.prepare_without_mirror,
        controls.without_mirror,
        damages=tuple(name for name in DAMAGES if name.startswith("log-") and "mirror" not in name),
    ),
}
"""What loses acknowledged entries, and must be seen to."""


def of(name: str) -> Workload:
    """The workload or control of this name."""
    return (WORKLOADS | CONTROLS)[name]


def prepare(name: str, seed: int, folder: Path) -> None:
    """Make what the workload finds."""
    _do(of(name).prepare, f"prepare {name}", seed, folder)


def run(name: str, seed: int, folder: Path) -> None:
    """Do what is recorded. The same seed does the same."""
    _do(of(name).run, f"run {name}", seed, folder)


def _do(step: Step, name: str, seed: int, folder: Path) -> None:
    notebook = Notebook(folder)
    try:
        step(folder, random.Random(f"{name} {seed}"), notebook)
    finally:
        notebook.close()
