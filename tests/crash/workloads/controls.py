"""Ways of writing that lose what was acknowledged: the harness must catch each of them."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from pathlib import Path

from store_forward.contract.canonical import encode_entry
from store_forward.store import Journal, Role, Store
from store_forward.store.driver import Access, open_connection
from store_forward.store.errors import OrderRepeated, SlotTaken
from store_forward.store.mirror.mirror import NoMirror
from tests.crash.kiosk import KIOSK, STORE
from tests.crash.notebook import Accepted, Notebook, Offered, Refused
from tests.crash.workloads.enqueue import GROUPS, groups
from tests.unit.store.builders import entry


def synchronous_normal(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """SQLite as most use it with WAL: a commit waits for no fsync."""
    connection = open_connection(folder / STORE, KIOSK.key, Access.WRITE)
    connection.execute("PRAGMA synchronous = NORMAL")
    journal = Journal(connection, NoMirror())
    for group in groups(rng, 1001, GROUPS):
        notebook.append(journal, group)
    connection.close()


def acknowledged_early(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """The patient is told before the entry is durable."""
    with KIOSK.boot(folder) as store:
        for number in range(1001, 1001 + GROUPS):
            notebook.note(Offered((encode_entry(entry(number)),)))
            notebook.note(Accepted())
            store.journal.append([entry(number)])


def repeat_failed_fsyncs(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """An fsync that fails is tried again, and the second one's word is taken."""
    failure = {"OUTPOST_RECORD_FAIL": f"sync:-wal:{errno.EIO}:2"}
    work = [sys.executable, "-P", "-m", __name__, str(folder), str(rng.random())]
    subprocess.run(work, env=os.environ | failure, check=True)


def _insist(folder: Path, rng: random.Random) -> None:
    notebook = Notebook(folder)
    connection = open_connection(folder / STORE, KIOSK.key, Access.WRITE)
    connection.execute("PRAGMA synchronous = OFF")
    journal = Journal(connection, NoMirror())
    with (folder / f"{STORE}-wal").open("rb") as log:
        for group in groups(rng, 1001, GROUPS):
            notebook.note(Offered(tuple(encode_entry(entry) for entry in group)))
            try:
                journal.append(group)
            except (SlotTaken, OrderRepeated):
                notebook.note(Refused())
                continue
            try:
                os.fsync(log.fileno())
            except OSError:
                os.fsync(log.fileno())
            notebook.note(Accepted())
    connection.close()


def _open_without_mirror(folder: Path) -> Store:
    return Store.open(
        folder / STORE, KIOSK.key, device=KIOSK.device, create=True, role=Role.UNMIRRORED
    )


def prepare_without_mirror(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """A store with a few entries, in one copy."""
    with _open_without_mirror(folder) as store:
        for group in groups(rng, 1, 6):
            notebook.append(store.journal, group)


def without_mirror(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """A queue in SQLite and nothing else: what its log loses is lost."""
    with _open_without_mirror(folder) as store:
        for group in groups(rng, 1001, GROUPS):
            notebook.append(store.journal, group)


if __name__ == "__main__":
    _insist(Path(sys.argv[1]), random.Random(sys.argv[2]))
