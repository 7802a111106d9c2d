"""The auditor's view: is this journal complete and unchanged, and what has the HIS countersigned?

Shares no SQL, hashing or types with the code that writes the journal, so that one mistake cannot
hide in both. Opens the file read-only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from store_forward.contract.sealed import Header
from store_forward.store import driver
from store_forward.store.audit.chain import check_checkpoints, check_events, check_slots
from store_forward.store.audit.copies import BadBytes, check_beside, check_mirror, find_bad_bytes
from store_forward.store.audit.receipts import check_mark, check_receipts
from store_forward.store.audit.report import Checks, JournalReport, SignatureCheck
from store_forward.store.driver import Access, Connection
from store_forward.store.errors import DamagedStore, StoreError, WrongKey
from store_forward.store.keys import StoreKey

__all__ = ["Checks", "JournalReport", "SignatureCheck", "verify_journal"]

_Part = Callable[[Connection, JournalReport, Checks], None]


def verify_journal(
    path: Path,
    key: StoreKey,
    is_signed: SignatureCheck | None = None,
    *,
    is_device: SignatureCheck | None = None,
    retired: Sequence[StoreKey] = (),
    beside: Sequence[Header] = (),
) -> JournalReport:
    """Check bytes, chain, gaps, checkpoints, receipts and mirror; never raises for damage.

    ``is_signed`` checks the gateway's signatures, ``is_device`` the device's; ``retired`` keys
    may have sealed older segments of the mirror, ``beside`` are the headers of sealed files that
    claim to hold entries of this journal.

    Raises:
        KeyUnusable, StoreMissing, WrongKey, NotEncrypted, StoreUnavailable: the journal could not
            be looked at at all.
    """
    driver.require_suitable_driver()
    checks = Checks(is_signed, is_device)
    report = _look(path, key, checks, retired, beside)
    # Of a kiosk at work the parts are not of one moment: an entry may be in the mirror already, a
    # segment be dropped meanwhile. What was wrong for a moment is not wrong a moment later.
    return report if report.ok else _look(path, key, checks, retired, beside)


def _look(
    path: Path,
    key: StoreKey,
    checks: Checks,
    retired: Sequence[StoreKey],
    beside: Sequence[Header],
) -> JournalReport:
    report = JournalReport(path)
    found = find_bad_bytes(path, key) if path.is_file() and path.stat().st_size else _NOTHING
    connection = _open(path, key, report, found)
    if connection is None:
        return report
    parts: tuple[_Part, ...] = (
        _check_identity,
        check_events,
        check_slots,
        check_receipts,
        check_mark,
        check_checkpoints,
        lambda c, r, _: check_mirror(c, r, (key, *retired), found.open_end),
        lambda c, r, _: check_beside(c, r, beside),
        _check_pages,
    )
    try:
        for part in parts:
            _attempt(part, connection, report, checks)
    finally:
        connection.close()
    return report


_NOTHING = BadBytes([], None, key_is_right=False)


def _open(path: Path, key: StoreKey, report: JournalReport, found: BadBytes) -> Connection | None:
    """Open the file; None where damage keeps it from opening, which the report tells then."""
    if found.key_is_right:
        report.note_places(found.places)
    try:
        return driver.open_connection(path, key, Access.READ)
    except DamagedStore as error:
        report.note(f"it cannot be opened: {error}", 1)
    except WrongKey:
        if not found.key_is_right:
            raise
        report.note("it cannot be opened: its first page is damaged", 1)
    return None


def _attempt(part: _Part, connection: Connection, report: JournalReport, checks: Checks) -> None:
    """Damage found by one part must not keep the others from looking."""
    try:
        part(connection, report, checks)
    except StoreError as error:
        report.note(f"reading stopped: {error}", report.head_seq + 1)
    except Exception as error:
        # A file that was tampered with can hold anything: say so instead of failing.
        report.note(f"unexpected content: {type(error).__name__}: {error}")


def _check_identity(connection: Connection, report: JournalReport, _checks: Checks) -> None:
    found = connection.rows("SELECT device, incarnation FROM identity")
    if len(found) != 1:
        report.note(f"the store names {len(found)} kiosks instead of one")
    for device, incarnation in found[:1]:
        report.device, report.incarnation = device, incarnation
    for name, _ in connection.rows("SELECT name, acked_seq FROM stream WHERE name <> 'gateway'"):
        report.note(f"unknown stream {name}")
    for (acked,) in connection.rows("SELECT acked_seq FROM stream"):
        report.acked_to = acked


def _check_pages(connection: Connection, report: JournalReport, _checks: Checks) -> None:
    """Have SQLite look at its own structures, which right bytes alone do not prove."""
    for (problem,) in connection.rows("PRAGMA integrity_check"):
        if problem != "ok":
            report.note(f"database: {problem}")
