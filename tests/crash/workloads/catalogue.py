"""All workloads by name."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.crash.notebook import Notebook
from tests.crash.workloads import controls, enqueue, outbox

Step = Callable[[Path, random.Random, Notebook], None]


@dataclass(frozen=True)
class Workload:
    """``prepare`` makes the files that are there before, ``run`` is recorded."""

    prepare: Step
    run: Step


def _nothing(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    pass


WORKLOADS: dict[str, Workload] = {
    "create": Workload(_nothing, enqueue.create),
    "enqueue": Workload(enqueue.prepare, enqueue.run),
    "checkpoint": Workload(enqueue.prepare, enqueue.run_with_checkpoints),
    "answer": Workload(outbox.prepare, outbox.answer),
    "park": Workload(outbox.prepare, outbox.park),
    "together": Workload(outbox.prepare, outbox.together),
}
"""What must survive every cut."""

CONTROLS: dict[str, Workload] = {
    "synchronous-normal": Workload(enqueue.prepare, controls.synchronous_normal),
    "acknowledged-early": Workload(enqueue.prepare, controls.acknowledged_early),
}
"""What loses acknowledged entries, and must be seen to."""


def prepare(name: str, seed: int, folder: Path) -> None:
    """Make what the workload finds."""
    _do(_workload(name).prepare, f"prepare {name}", seed, folder)


def run(name: str, seed: int, folder: Path) -> None:
    """Do what is recorded. The same seed does the same."""
    _do(_workload(name).run, f"run {name}", seed, folder)


def _workload(name: str) -> Workload:
    return (WORKLOADS | CONTROLS)[name]


def _do(step: Step, name: str, seed: int, folder: Path) -> None:
    notebook = Notebook(folder)
    try:
        step(folder, random.Random(f"{name} {seed}"), notebook)
    finally:
        notebook.close()
