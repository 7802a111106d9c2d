"""What a kiosk does to its files, and what must hold afterwards whatever the disk refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from store_forward.contract.courier import BUNDLE_SUFFIX
from store_forward.contract.sealed import find_damage, read_layout, signed_by
from store_forward.contract.wire import ReferenceChange, ReferencePage
from store_forward.store import SyncStatus
from store_forward.store.archive.courier import export_bundle
from store_forward.store.audit.verify import verify_journal
from store_forward.store.errors import StoreError
from store_forward.store.keyring.files import read_envelope, write_envelope
from store_forward.store.keys import create_key, load_key
from store_forward.store.room import Ballast
from store_forward.store.whole_file import whole_file
from tests.fakes import made_up_clinic as clinic
from tests.faults import errands
from tests.faults.ledger import Ledger
from tests.faults.patient import check_money, serve_a_patient
from tests.faults.places import BEFORE, STORE, boot, guest
from tests.unit.store.archive.test_backup import DEVICE_KEY, ESCROW, NOW, SIGNER, back_up
from tests.unit.store.builders import DEVICE, KEY, accepted, confirmed, entry, lease, receipt
from tests.unit.store.keyring.test_envelope import sealed

ENVELOPE = "store.keys"
BIG = "x" * 600_000
"""So long a text makes the mirror begin a segment with the second entry."""


@dataclass(frozen=True)
class Exercise:
    """``prepare`` once, ``run`` while the disk refuses, ``check`` afterwards.

    ``run`` may end with a StoreError; ``check`` returns complaints. Only calls on paths with
    ``files`` in them fail. ``is_large``: so many reads that only writes are made to fail.
    """

    prepare: Callable[[Path], None]
    run: Callable[[Path, Ledger], None]
    check: Callable[[Path, Ledger], list[str]]
    files: str = ""
    is_large: bool = False


# --- core ----------------------------------------------------------------------------------------


def make_store(folder: Path) -> None:
    with boot(folder) as store:
        store.journal.append([entry(number) for number in range(BEFORE)])


def make_nothing(folder: Path) -> None:
    pass


def append(folder: Path, ledger: Ledger) -> None:
    """Single entries, groups and a sale; a store that is in trouble is asked again."""
    with boot(folder) as store:
        ledger.append(store, [entry(100), confirmed(101, "o1", "s1")])
        ledger.append(store, [entry(102)])


def append_big(folder: Path, ledger: Ledger) -> None:
    """Through the ends of the mirror's segments."""
    with boot(folder) as store:
        for number in range(200, 202):
            big = entry(number)
            fact = msgspec.structs.replace(big.fact, software=BIG)
            ledger.append(store, [msgspec.structs.replace(big, fact=fact)])


def reopen_after_refusals(folder: Path, ledger: Ledger) -> None:
    """As core gets going again: the store is closed and opened anew after each refusal."""
    waiting = list(range(300, 303))
    for _ in range(6):
        try:
            with boot(folder) as store:
                while waiting and ledger.append(store, [entry(waiting.pop(0))]):
                    pass
        except StoreError:
            continue


def check_journal(folder: Path, ledger: Ledger) -> list[str]:
    """What was there before is there, and all that ``check_new`` asks for."""
    ledger.kept[:0] = [entry(number).id for number in range(BEFORE)]
    return check_new(folder, ledger)


def check_new(folder: Path, ledger: Ledger) -> list[str]:
    """Everything acknowledged is there, nothing refused is, and the next entries are taken."""
    with boot(folder) as store:
        said = ledger.complaints([row.entry().id for row in store.journal.read()])
        again = Ledger()
        if not again.append(store, [entry(900), confirmed(901, "after", "after")]):
            said.append("nothing can be appended any more")
    report = verify_journal(folder / STORE, KEY)
    if not report.ok:
        said.append(report.render())
    return said


# --- sync ----------------------------------------------------------------------------------------


def take_answer(folder: Path, ledger: Ledger) -> None:
    with guest(folder) as store:
        store.outbox.record_answer(receipt(store, 1, 4), accepted(1, 4))


def check_answer(folder: Path, ledger: Ledger) -> list[str]:
    """Receipt and acknowledgement are there, or neither; the answer can be taken again."""
    said = check_journal(folder, ledger)
    with guest(folder) as store:
        acked, receipts = store.outbox.acked_seq(), store.outbox.receipts()
        if (acked, len(receipts)) not in ((0, 0), (4, 1)):
            said.append(f"acknowledged up to {acked} by {len(receipts)} receipts")
        if store.outbox.record_answer(receipt(store, 1, 4), accepted(1, 4)) != 4:
            said.append("the answer is not taken again")
    return said


def park(folder: Path, ledger: Ledger) -> None:
    with guest(folder) as store:
        store.outbox.park(3, "unprocessable")
        store.outbox.note_reported([3])


def take_news(folder: Path, ledger: Ledger) -> None:
    """Reference data, leases, the state of the network."""
    with guest(folder) as store:
        changes = tuple(
            ReferenceChange(one.code, msgspec.Raw(msgspec.json.encode(one)))
            for one in clinic.DEPARTMENTS
        )
        store.reference.apply(ReferencePage("departments", "c1", "2026-07-13T01:30:00Z", changes))
        store.allotments.replace_leases([lease("s1"), lease("s2")], "2026-07-13T01:30:00Z")
        store.network_status.write_status(SyncStatus(True, "2026-07-13T01:30:00Z"))


def check_news(folder: Path, ledger: Ledger) -> list[str]:
    """Each set is there as a whole, or not at all."""
    said = check_journal(folder, ledger)
    with guest(folder) as store:
        departments = len(store.reference.load_departments())
        leases = len(store.allotments.unsold())
    if departments not in (0, len(clinic.DEPARTMENTS)):
        said.append(f"{departments} departments")
    if leases not in (0, 2):
        said.append(f"{leases} leases")
    return said


# --- files beside the store ----------------------------------------------------------------------


def make_existing_key(folder: Path) -> None:
    create_key(folder / "store.key")


def read_key(folder: Path, ledger: Ledger) -> None:
    load_key(folder / "store.key")


def read_keys(folder: Path, ledger: Ledger) -> None:
    read_envelope(folder / ENVELOPE)


def make_key(folder: Path, ledger: Ledger) -> None:
    create_key(folder / "store.key")


def check_key(folder: Path, ledger: Ledger) -> list[str]:
    """There is no key, or a whole one."""
    path = folder / "store.key"
    if path.exists():
        load_key(path)
    else:
        create_key(path)
    return []


CONTENT = bytes(range(256)) * 64


def write_whole_file(folder: Path, ledger: Ledger) -> None:
    with whole_file(folder / "bundle") as file:
        file.write(CONTENT)


def check_whole_file(folder: Path, ledger: Ledger) -> list[str]:
    """There is no file, or a whole one, and no draft."""
    path = folder / "bundle"
    said = []
    if path.exists() and path.read_bytes() != CONTENT:
        said.append("half a file has the name")
    path.unlink(missing_ok=True)
    write_whole_file(folder, ledger)
    return said


def hold_ballast(folder: Path, ledger: Ledger) -> None:
    ballast = Ballast(folder / STORE, 100_000)
    ballast.hold()
    ballast.drop()
    ballast.hold()


def check_ballast(folder: Path, ledger: Ledger) -> list[str]:
    ballast = Ballast(folder / STORE, 100_000)
    ballast.hold()
    return [] if ballast.held_bytes() == 100_000 else ["the ballast is not held"]


def change_envelope(folder: Path, ledger: Ledger) -> None:
    write_envelope(folder / ENVELOPE, sealed()[0], replace=True)


def make_envelope(folder: Path) -> None:
    write_envelope(folder / ENVELOPE, sealed()[0], replace=False)


def check_envelope(folder: Path, ledger: Ledger) -> list[str]:
    """The one before or the new one, whole; and it can be changed again."""
    read_envelope(folder / ENVELOPE)
    change_envelope(folder, ledger)
    read_envelope(folder / ENVELOPE)
    return []


def make_backup(folder: Path, ledger: Ledger) -> None:
    back_up(folder / STORE, folder / "backup")


def carry(folder: Path, ledger: Ledger) -> None:
    export_bundle(
        folder / STORE,
        KEY,
        DEVICE,
        folder,
        lock=ESCROW.recipient,
        sign=DEVICE_KEY.sign,
        signer=SIGNER,
        now=lambda: NOW,
    )


def check_sealed_files(folder: Path, ledger: Ledger) -> list[str]:
    """A backup or a bundle is whole or not there; the store is as it was, and both can be made."""
    said: list[str] = []
    for file in folder.iterdir():
        if file.name == "backup" or file.name.endswith(BUNDLE_SUFFIX):
            with file.open("rb") as content:
                said += map(str, find_damage(content, read_layout(content), signed_by(SIGNER)))
    (folder / "backup").unlink(missing_ok=True)
    make_backup(folder, ledger)
    carry(folder, ledger)
    return said + check_journal(folder, ledger)


EXERCISES: dict[str, Exercise] = {
    "session": Exercise(make_store, serve_a_patient, check_money),
    "append": Exercise(make_store, append, check_journal),
    "roll-over": Exercise(make_store, append_big, check_journal, files=".mirror"),
    "go-on": Exercise(make_store, reopen_after_refusals, check_journal),
    "create": Exercise(make_nothing, append, check_new),
    "answer": Exercise(make_store, take_answer, check_answer),
    "park": Exercise(make_store, park, check_journal),
    "news": Exercise(make_store, take_news, check_news),
    "envelope": Exercise(make_envelope, change_envelope, check_envelope),
    "backup": Exercise(make_store, make_backup, check_sealed_files),
    "courier": Exercise(make_store, carry, check_sealed_files),
    "purge": Exercise(errands.make_old_store, errands.purge, errands.check_purge),
    "shrink": Exercise(
        errands.make_purged_store, errands.shrink, errands.check_purge, is_large=True
    ),
    "rotate-keys": Exercise(errands.make_sealed, errands.rotate_keys, errands.check_sealed),
    "half-rotated": Exercise(errands.make_half_rotated, errands.start_sealed, errands.check_sealed),
    "restore": Exercise(errands.make_backup_alone, errands.restore, errands.check_restore),
    "receipts": Exercise(errands.make_receipts, errands.take_receipts, errands.check_receipts),
    "audit": Exercise(make_store, errands.audit, errands.check_audit),
    "key": Exercise(make_nothing, make_key, check_key),
    "read-key": Exercise(make_existing_key, read_key, check_key),
    "read-envelope": Exercise(make_envelope, read_keys, check_envelope),
    "whole-file": Exercise(make_nothing, write_whole_file, check_whole_file),
    "ballast": Exercise(make_nothing, hold_ballast, check_ballast),
}
