"""The first start of new software on a store that the first release wrote."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

from store_forward.store import StoreKey
from tests.crash.kiosk import STORE, Kiosk
from tests.crash.notebook import Accepted, Answered, Notebook, Offered
from tests.crash.workloads.enqueue import groups

RELEASED = Path(__file__).parents[2] / "data" / "store-v1.db"
OLD_KIOSK = Kiosk("kiosk-old", StoreKey("00112233445566778899aabbccddeeff" * 2))
"""Made-up data; the key is no secret."""


def prepare(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """The store as it was released, and what it promised then."""
    with tempfile.TemporaryDirectory() as elsewhere:
        shutil.copy(RELEASED, Path(elsewhere) / STORE)
        with OLD_KIOSK.open_as_guest(Path(elsewhere)) as store:
            for row in store.journal.read():
                notebook.note(Offered((row.body,)))
                notebook.note(Accepted())
            notebook.note(Answered(store.outbox.acked_seq()))
    shutil.copyfile(RELEASED, folder / STORE)


def run(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """Start, migrate, go on."""
    with OLD_KIOSK.boot(folder) as store:
        for group in groups(rng, 1001, 3):
            notebook.append(store.journal, group)
