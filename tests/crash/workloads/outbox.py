"""What sync writes: receipts, parked entries; alone and beside core's entries."""

from __future__ import annotations

import multiprocessing
import random
from datetime import UTC, date, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.sealed import signer_text
from store_forward.contract.wire import Outcome, Result
from store_forward.store.archive.anchors import Signer
from store_forward.store.archive.purge import Terms
from tests.crash.kiosk import KIOSK
from tests.crash.notebook import Answered, MayGo, Notebook, Parked
from tests.crash.workloads import enqueue
from tests.crash.workloads.enqueue import groups
from tests.unit.store.builders import entry, receipt

WAITING = 24


def prepare(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """A store with entries that wait for the gateway."""
    with KIOSK.boot(folder) as store:
        for group in groups(rng, 1, WAITING):
            notebook.append(store.journal, group)


def answer(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """The gateway answers batch after batch; some entries are refused by the HIS."""
    with KIOSK.open_as_guest(folder) as store:
        while rows := store.outbox.pending(rng.randint(1, 4), 10**6).rows:
            first, last = rows[0].seq, rows[-1].seq
            results = [
                Result(row.seq, row.entry().id, rng.choice(list(Outcome)))
                for row in rows
                if rng.random() < 0.5
            ]
            acked = store.outbox.record_answer(receipt(store, first, last), results)
            notebook.note(Answered(acked))


def park(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """Entries that cannot be delivered are marked for staff."""
    with KIOSK.open_as_guest(folder) as store:
        for seq in rng.sample(range(1, store.journal.head().seq + 1), 12):
            if store.outbox.park(seq, "refused_413"):
                notebook.note(Parked(seq))


def together(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """Core appends while sync, a process of its own, stores answers."""
    process = multiprocessing.get_context("spawn").Process(
        target=_answer_elsewhere, args=(folder, rng.random())
    )
    process.start()
    enqueue.run(folder, rng, notebook)
    process.join()
    if process.exitcode:
        raise RuntimeError(f"sync's process ended with {process.exitcode}")


def _answer_elsewhere(folder: Path, seed: float) -> None:
    notebook = Notebook(folder)
    answer(folder, random.Random(seed), notebook)
    notebook.close()


def days(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """A kiosk is started three times; a part of its entries is answered meanwhile."""
    for first in (1001, 2001, 3001):
        with KIOSK.boot(folder) as store, KIOSK.open_as_guest(folder) as sync:
            for group in groups(rng, first, 8):
                notebook.append(store.journal, group)
                first_seq, last_seq = sync.outbox.acked_seq() + 1, store.journal.head().seq
                if rng.random() < 0.2 and first_seq <= last_seq:  # a group may have been refused
                    acked = sync.outbox.record_answer(receipt(store, first_seq, last_seq), [])
                    notebook.note(Answered(acked))


def purge(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """Old entries go while new ones come and are answered."""
    signer = Signer(DEVICE_KEY.sign, signer_text(DEVICE_KEY.public_key()), "boot-1")
    with KIOSK.boot(folder) as store:
        for first in range(1001, 9001, 1000):
            plain = [entry(first + number) for number in range(rng.randint(2, 6))]
            for one in plain:
                notebook.append(store.journal, [one])
            first_seq, last_seq = store.outbox.acked_seq() + 1, store.journal.head().seq
            acked = store.outbox.record_answer(receipt(store, first_seq, last_seq), [])
            notebook.note(Answered(acked))
            notebook.note(MayGo(acked))
            terms = Terms(days=30, kept_entries=rng.randint(0, 3))
            store.purge.step(terms, date(2027, 1, 1), signer, datetime(2027, 1, 1, tzinfo=UTC))
            store.purge.give_room_back()


def prepare_purge(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """A store whose entries belong to no order that is open."""
    with KIOSK.boot(folder) as store:
        for number in range(1, 13):
            notebook.append(store.journal, [entry(number)])


DEVICE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
