"""Files that leave the kiosk, and a kiosk that begins from one: whole, or not there."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from store_forward.contract.canonical import encode_entry
from store_forward.contract.courier import BUNDLE_SUFFIX, decode_bundle
from store_forward.contract.facts import JournalReplaced
from store_forward.contract.recipients import RecipientsKey
from store_forward.contract.sealed import open_sealed, read_layout, signed_by, signer_text
from store_forward.store.archive.backup import create_backup
from store_forward.store.archive.courier import export_bundle
from store_forward.store.archive.restore import begin_anew, carried_over, opened_backup
from tests.crash.kiosk import KIOSK, STORE
from tests.crash.notebook import Accepted, Note, Notebook, Offered, Written
from tests.crash.workloads.enqueue import groups
from tests.unit.store.builders import entry

ESCROW = RecipientsKey(X25519PrivateKey.from_private_bytes(bytes(range(32))))
DEVICE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = signer_text(DEVICE_KEY.public_key())
BACKUP = "kiosk.backup"


def back_up(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """A backup each few entries, while core goes on."""
    for first in (1001, 2001, 3001):
        with KIOSK.boot(folder) as store:
            for group in groups(rng, first, 3):
                notebook.append(store.journal, group)
            _back_up(folder, folder / f"{first}-{BACKUP}", notebook)
            for group in groups(rng, first + 500, 2):
                notebook.append(store.journal, group)


def _back_up(folder: Path, out: Path, notebook: Notebook) -> None:
    report = create_backup(
        folder / STORE,
        KIOSK.key,
        KIOSK.device,
        out,
        lock=ESCROW.recipient,
        sign=DEVICE_KEY.sign,
        signer=SIGNER,
        now=_now,
    )
    notebook.note(Written(out.name, report.header.last_seq))


def look_at_backups(folder: Path, notes: Sequence[Note]) -> str:
    """Every backup that was said to be made is there; every one that is there opens."""
    for name, last_seq in _files(folder, notes, BACKUP).items():
        if not (folder / name).exists():
            return f"the backup {name} was made, and is gone"
        with (
            tempfile.TemporaryDirectory(dir=folder.parent) as scratch,
            opened_backup(
                folder / name, ESCROW, signed_by(SIGNER), KIOSK.device, Path(scratch), _silent
            ) as backup,
        ):
            if backup.head.seq < last_seq:
                return f"the backup {name} ends at {backup.head.seq}, not at {last_seq}"
    return ""


def prepare_restore(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """A spare machine without a store, and the backup of the kiosk it takes the place of."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as elsewhere:
        dead = Path(elsewhere)
        unread = Notebook(dead)
        with KIOSK.boot(dead) as store:
            for group in groups(rng, 1, 8):
                unread.append(store.journal, group)
        _back_up(dead, folder / BACKUP, unread)
        unread.close()


def restore(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """The spare machine begins a journal from the backup, starts and goes on."""
    with opened_backup(
        folder / BACKUP, ESCROW, signed_by(SIGNER), KIOSK.device, folder, _silent
    ) as backup:
        fact = JournalReplaced(
            backup.identity.incarnation, "restored", backup.head.seq + 1, 0, 1, 1
        )
        first, last = entry(900, fact), entry(901)
        carried = list(carried_over(backup))
        notebook.note(Offered((encode_entry(first), *carried, encode_entry(last))))
        begin_anew(folder / STORE, KIOSK.key, backup, first, carried, [last])
        notebook.note(Accepted())
    with KIOSK.boot(folder) as store:
        for group in groups(rng, 1001, 3):
            notebook.append(store.journal, group)


def carry(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """What waits goes onto a stick, twice."""
    for first in (1001, 2001):
        with KIOSK.boot(folder) as store:
            for group in groups(rng, first, 3):
                notebook.append(store.journal, group)
        bundle = export_bundle(
            folder / STORE,
            KIOSK.key,
            KIOSK.device,
            folder,
            lock=ESCROW.recipient,
            sign=DEVICE_KEY.sign,
            signer=SIGNER,
            now=_now,
        )
        notebook.note(Written(bundle.path.name, bundle.header.last_seq))


def look_at_bundles(folder: Path, notes: Sequence[Note]) -> str:
    """Every bundle that was said to be made is there; every one that is there opens."""
    for name, last_seq in _files(folder, notes, BUNDLE_SUFFIX).items():
        if not (folder / name).exists():
            return f"the bundle {name} was made, and is gone"
        with (folder / name).open("rb") as file:
            content = open_sealed(file, read_layout(file), ESCROW, signed_by(SIGNER))
            seqs = [item.seq for batch in decode_bundle(content).batches for item in batch.items]
        if seqs[-1] < last_seq:
            return f"the bundle {name} ends at {seqs[-1]}, not at {last_seq}"
    return ""


def _files(folder: Path, notes: Sequence[Note], suffix: str) -> dict[str, int]:
    """Files that are there under their names, or ought to be, and how far they must reach."""
    found = {path.name: 0 for path in folder.iterdir() if path.name.endswith(suffix)}
    return found | {note.name: note.last_seq for note in notes if isinstance(note, Written)}


def _silent(_what: str, _done: int, _total: int) -> None:
    pass


def _now() -> datetime:
    return datetime(2026, 7, 13, tzinfo=UTC)
