"""What commands and upkeep do with a kiosk's files while the disk refuses: purge, a new data key,
a spare machine from a backup, the courier's way back, the audit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.courier import CourierReceipts, Decided, Refusal, sign_receipts
from store_forward.contract.facts import Entry, JournalReplaced, KioskStarted
from store_forward.contract.resolutions import KnownCase, Resolution, Verdict
from store_forward.contract.sealed import signed_by
from store_forward.contract.signing import countersign, sign_receipt
from store_forward.contract.wire import BatchAnswer
from store_forward.store import Store
from store_forward.store.archive.anchors import Signer
from store_forward.store.archive.courier import import_receipts
from store_forward.store.archive.purge import Terms
from store_forward.store.archive.restore import begin_anew, carried_over, opened_backup
from store_forward.store.audit.verify import verify_journal
from store_forward.store.errors import StoreError
from store_forward.store.keyring.changing import rotate, wrap
from store_forward.store.keyring.loading import load_store_key
from tests.crash.workloads.rotation import SEALED
from tests.faults.ledger import Ledger
from tests.faults.places import BEFORE, STORE, boot, guest
from tests.unit.store.archive.test_backup import DEVICE_KEY, ESCROW, NOW, SIGNER, back_up
from tests.unit.store.builders import DEVICE, KEY, accepted, entry, receipt

GATEWAY_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
BACKUP = "kiosk-7.backup"
RECEIPTS = "kiosk-7.receipts"
DECIDED = 1_783_900_000_000
"""Number of the decision that comes back on a stick."""

LONG_AFTER = date(2027, 1, 1)

OLD_BODIES = 12
LONG_BODY_BYTES = 500_000
"""Together more than a purge leaves for new entries, so that the file is made smaller."""


# --- purge ---------------------------------------------------------------------------------------


def make_old_store(folder: Path, body_bytes: int = 300) -> None:
    """Entries that the gateway has and whose term is over, and a few that wait."""
    with boot(folder) as store:
        for number in range(OLD_BODIES):
            store.journal.append([_long(number, body_bytes)])
        store.outbox.record_answer(receipt(store, 1, OLD_BODIES), accepted(1, OLD_BODIES))
        store.journal.append([entry(number) for number in range(OLD_BODIES, OLD_BODIES + 3)])


def make_purged_store(folder: Path) -> None:
    """Most of the file is free."""
    make_old_store(folder, LONG_BODY_BYTES)
    with boot(folder) as store:
        _purge(store)


def _long(number: int, body_bytes: int) -> Entry:
    return entry(number, KioskStarted(software="x" * body_bytes))


def purge(folder: Path, ledger: Ledger) -> None:
    """As core's upkeep does, with a patient's entry in between."""
    with boot(folder) as store:
        _purge(store)
        ledger.append(store, [entry(100)])


def shrink(folder: Path, ledger: Ledger) -> None:
    """The room that the purge freed is given back."""
    with boot(folder) as store:
        store.purge.give_room_back()
        ledger.append(store, [entry(100)])


def _purge(store: Store) -> int:
    signer = Signer(DEVICE_KEY.sign, SIGNER, "boot-1")
    now = datetime(2027, 1, 1, tzinfo=UTC)
    return store.purge.step(Terms(days=30, kept_entries=3), LONG_AFTER, signer, now)


def check_purge(folder: Path, ledger: Ledger) -> list[str]:
    """Old entries are there as a whole or gone as a whole; what waits is there; it can go on."""
    said: list[str] = []
    waiting = [entry(number).id for number in range(OLD_BODIES, OLD_BODIES + 3)]
    old = [entry(number).id for number in range(OLD_BODIES)]
    with boot(folder) as store:
        base = store.journal.base().seq
        if base not in (0, OLD_BODIES):
            said.append(f"purged up to {base}")
        ledger.kept[:0] = [*old[base:], *waiting]
        said += ledger.complaints([row.entry().id for row in store.journal.read()])
        broken = store.journal.verify()
        if broken is not None:
            said.append(f"the chain breaks: {broken}")
        if base == 0 and _purge(store) != OLD_BODIES:
            said.append("nothing is purged any more")
        store.purge.give_room_back()
        if not Ledger().append(store, [entry(900)]):
            said.append("nothing can be appended any more")
    report = verify_journal(folder / STORE, KEY)
    return said if report.ok else [*said, report.render()]


# --- a new data key ------------------------------------------------------------------------------


def make_sealed(folder: Path) -> None:
    """A kiosk whose key is in an envelope."""
    wrap(SEALED.site(folder), SEALED.machine(folder)[1], None, lambda: NOW)
    with SEALED.boot(folder) as store:
        store.journal.append([entry(number) for number in range(BEFORE)])


def make_half_rotated(folder: Path) -> None:
    """A rotation has come so far that the store has the next key, and its envelope both."""
    make_sealed(folder)
    envelope = SEALED.site(folder).envelope
    kept: list[bytes] = []

    def now() -> datetime:
        if envelope.read_bytes() not in kept:
            kept.append(envelope.read_bytes())
        return NOW

    machine, credential = SEALED.machine(folder)
    rotate(SEALED.site(folder), machine, credential, now, data=True)
    envelope.write_bytes(kept[-1])


def rotate_keys(folder: Path, ledger: Ledger) -> None:
    """``outpost keys rotate --data``, and then core starts."""
    machine, credential = SEALED.machine(folder)
    rotate(SEALED.site(folder), machine, credential, lambda: NOW, data=True)
    start_sealed(folder, ledger)


def start_sealed(folder: Path, ledger: Ledger) -> None:
    with SEALED.boot(folder) as store:
        ledger.append(store, [entry(100)])


def check_sealed(folder: Path, ledger: Ledger) -> list[str]:
    """The store opens by its envelope with all that was in it; the rotation succeeds now."""
    said: list[str] = []
    ledger.kept[:0] = [entry(number).id for number in range(BEFORE)]
    machine, credential = SEALED.machine(folder)
    for again in (False, True):
        if again:
            rotate(SEALED.site(folder), machine, credential, lambda: NOW, data=True)
        with SEALED.boot(folder) as store:
            said += ledger.complaints([row.entry().id for row in store.journal.read()])
            if not ledger.append(store, [entry(900 + again)]):
                said.append("nothing can be appended any more")
    site = SEALED.site(folder)
    report = verify_journal(site.store, load_store_key(site.store, site.keys, machine, site.device))
    return said if report.ok else [*said, report.render()]


# --- a spare machine -----------------------------------------------------------------------------


def make_backup_alone(folder: Path) -> None:
    """A backup of a kiosk that is no more, on a machine that has no journal."""
    dead = folder / "dead"
    dead.mkdir()
    with boot(dead) as store:
        store.journal.append([entry(number) for number in range(BEFORE)])
    back_up(dead / STORE, folder / BACKUP)
    for file in sorted(dead.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    dead.rmdir()


def restore(folder: Path, ledger: Ledger) -> None:
    with opened_backup(
        folder / BACKUP, ESCROW, signed_by(SIGNER), DEVICE, folder, _silent
    ) as backup:
        fact = JournalReplaced(
            backup.identity.incarnation, "restored", backup.head.seq + 1, 0, 1, BEFORE
        )
        begin_anew(folder / STORE, KEY, backup, entry(800, fact), carried_over(backup), ())


def check_restore(folder: Path, ledger: Ledger) -> list[str]:
    """There is no store, and the second try makes it and tidies up; or the whole one."""
    said: list[str] = []
    if not (folder / STORE).exists():
        restore(folder, ledger)
        said += [f"{path.name} is left over" for path in folder.glob(".*")]
    with boot(folder) as store:
        found = [row.entry().id for row in store.journal.read()]
        if found != [entry(800).id, *(entry(number).id for number in range(BEFORE))]:
            said.append(f"restored {found}")
        if not Ledger().append(store, [entry(900)]):
            said.append("nothing can be appended")
    report = verify_journal(folder / STORE, KEY)
    return said if report.ok else [*said, report.render()]


# --- the courier's way back ----------------------------------------------------------------------


def make_receipts(folder: Path) -> None:
    """Two answers of the gateway, a refusal and a decision, on a stick."""
    with boot(folder) as store:
        store.journal.append([entry(number) for number in range(BEFORE)])
        answers = tuple(
            BatchAnswer(
                tuple(accepted(first, last)), sign_receipt(receipt(store, first, last), GATEWAY_KEY)
            )
            for first, last in ((1, 2), (3, 4))
        )
        incarnation = store.identity.incarnation
    decision = Resolution(
        number=DECIDED,
        device=DEVICE,
        incarnation=incarnation,
        seq=6,
        entry_id=entry(5).id,
        verdict=Verdict.SETTLED,
        note="booked_by_hand",
        by="staff-7",
        at="2026-07-13T02:00:00.000Z",
        key_id="gateway-1",
        signature="",
    )
    brought = CourierReceipts(
        device=DEVICE,
        incarnation=incarnation,
        number=1,
        answers=answers,
        refused=(Refusal(5, "poison"),),
        cases=(KnownCase(5, f"parked:{incarnation}:5", "open"),),
        decided=Decided(0, DECIDED, (countersign(decision, GATEWAY_KEY),), complete=True),
        made_at="2026-07-13T02:00:00Z",
        key_id="gateway-1",
        signature="",
    )
    signed = sign_receipts(brought, GATEWAY_KEY)
    (folder / RECEIPTS).write_bytes(msgspec.json.encode(signed, order="sorted"))


def take_receipts(folder: Path, ledger: Ledger) -> None:
    import_receipts(folder / RECEIPTS, folder / STORE, KEY, DEVICE, GATEWAY_KEY.public_key())


def check_receipts(folder: Path, ledger: Ledger) -> list[str]:
    """Each answer is there with its acknowledgement, or not, and so is the decision; brought again,
    all of them are."""
    said: list[str] = []
    with guest(folder) as store:
        acked, receipts = store.outbox.acked_seq(), store.outbox.receipts()
        if (acked, len(receipts)) not in ((0, 0), (2, 1), (4, 2)):
            said.append(f"acknowledged up to {acked} by {len(receipts)} receipts")
        decided, is_covered = len(store.resolutions.all()), store.outbox.covers(6)
        if is_covered != bool(decided) or (store.resolutions.decided_to() and not decided):
            said.append(f"{decided} decisions, covered: {is_covered}")
    take_receipts(folder, ledger)
    with boot(folder) as store:
        acked, receipts = store.outbox.acked_seq(), store.outbox.receipts()
        if (acked, len(receipts), store.outbox.ahead()) != (4, 2, ((6, 6),)):
            said.append(f"then acknowledged up to {acked} by {len(receipts)} receipts")
        if store.resolutions.decided_to() != DECIDED or len(store.resolutions.all()) != 1:
            said.append(f"then decided to {store.resolutions.decided_to()}")
        parked = [(each.seq, each.attempts, each.reported) for each in store.outbox.parked()]
        if parked != [(5, 1, True)]:
            said.append(f"then parked {parked}")
    report = verify_journal(folder / STORE, KEY)
    return said if report.ok else [*said, report.render()]


# --- the audit -----------------------------------------------------------------------------------


def audit(folder: Path, ledger: Ledger) -> None:
    """Where the audit ends without a word, what it says must be true."""
    try:
        report = verify_journal(folder / STORE, KEY)
    except StoreError:
        return
    ledger.verdicts.append(report.ok)


def check_audit(folder: Path, ledger: Ledger) -> list[str]:
    """A file that could not be read is not called sound."""
    report = verify_journal(folder / STORE, KEY)
    said = [] if report.ok else [report.render()]
    return [*said, *("called sound, unread" for ok in ledger.verdicts if ok and ledger.is_unread)]


def _silent(_what: str, _done: int, _total: int) -> None:
    pass
