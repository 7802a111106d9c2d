"""Entries into the journal: alone, in groups, refused ones; with checkpoints in between."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store_forward.contract.facts import Entry, KioskStarted
from store_forward.store.driver import Access, Connection, open_connection
from tests.crash.kiosk import KIOSK, STORE
from tests.crash.notebook import Answered, Notebook
from tests.unit.store.builders import cancelled, confirmed, entry, receipt

GROUPS = 14
"""Appends between two starts."""


def groups(rng: random.Random, first: int, count: int) -> Iterator[list[Entry]]:
    """Groups of entries as flows make them: 1 to 3 entries, some of a few pages, slots in them."""
    number = first
    for index in range(count):
        group = []
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            fact = KioskStarted(software="x" * rng.choice((10, 300, 1000, 9000)))
            group.append(entry(number, fact))
            number += 1
        if rng.random() < 0.3:
            group.append(confirmed(number, f"order-{number}", f"slot-{first}-{rng.randrange(6)}"))
            if rng.random() < 0.3:
                group.append(cancelled(number + 1, f"order-{number}"))
        number = first + 10 * (index + 1)
        yield group


def prepare(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """A store with a few entries, as left behind by an earlier run."""
    with KIOSK.boot(folder) as store:
        for group in groups(rng, 1, 6):
            notebook.append(store.journal, group)


def create(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """The first start of a kiosk, and the second."""
    for first in (1, 1001):
        with KIOSK.boot(folder) as store:
            for group in groups(rng, first, 3):
                notebook.append(store.journal, group)


def run(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """Two starts of a kiosk with entries in each."""
    for first in (1001, 2001):
        with KIOSK.boot(folder) as store:
            for group in groups(rng, first, GROUPS):
                notebook.append(store.journal, group)


def run_with_checkpoints(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """The log is emptied into the main file between entries, in each of SQLite's ways."""
    with KIOSK.boot(folder) as store, _another(folder) as other:
        for group in groups(rng, 1001, 2 * GROUPS):
            notebook.append(store.journal, group)
            if rng.random() < 0.4:
                way = rng.choice(("PASSIVE", "FULL", "RESTART", "TRUNCATE"))
                other.rows(f"PRAGMA wal_checkpoint({way})")


def run_through_segments(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """Entries so large that the mirror begins one segment after the other, and drops some."""
    with KIOSK.boot(folder) as store:
        for number in range(1001, 1013):
            fact = KioskStarted(software="x" * rng.randint(40_000, 80_000))
            notebook.append(store.journal, [entry(number, fact)])
            if rng.random() < 0.3:
                first_seq, last_seq = store.outbox.acked_seq() + 1, store.journal.head().seq
                notebook.note(
                    Answered(store.outbox.record_answer(receipt(store, first_seq, last_seq), []))
                )


@contextmanager
def _another(folder: Path) -> Iterator[Connection]:
    connection = open_connection(folder / STORE, KIOSK.key, Access.WRITE)
    try:
        yield connection
    finally:
        connection.close()
