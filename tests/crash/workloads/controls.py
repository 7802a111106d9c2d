"""Ways of writing that lose what was acknowledged: the harness must catch each of them."""

from __future__ import annotations

import random
from pathlib import Path

from store_forward.contract.canonical import encode_entry
from store_forward.store import Journal
from store_forward.store.driver import Access, open_connection
from store_forward.store.mirror.mirror import NoMirror
from tests.crash.notebook import Accepted, Notebook, Offered
from tests.crash.workloads.enqueue import GROUPS, STORE, groups, open_store
from tests.unit.store.builders import KEY, entry


def synchronous_normal(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """SQLite as most use it with WAL: a commit waits for no fsync."""
    connection = open_connection(folder / STORE, KEY, Access.WRITE)
    connection.execute("PRAGMA synchronous = NORMAL")
    journal = Journal(connection, NoMirror())
    for group in groups(rng, 1001, GROUPS):
        notebook.append(journal, group)
    connection.close()


def acknowledged_early(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """The patient is told before the entry is durable."""
    with open_store(folder) as store:
        for number in range(1001, 1001 + GROUPS):
            notebook.note(Offered((encode_entry(entry(number)),)))
            notebook.note(Accepted())
            store.journal.append([entry(number)])
