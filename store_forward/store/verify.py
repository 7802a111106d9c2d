"""The auditor's view: is this journal complete and unchanged, and what has the HIS countersigned?

Shares no SQL, hashing or types with the code that writes the journal, so that one mistake cannot
hide in both. Opens the file read-only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from store_forward.store import driver
from store_forward.store.driver import Access, Connection
from store_forward.store.errors import StoreError
from store_forward.store.keys import StoreKey

_PROBLEMS_LISTED = 50


@dataclass
class JournalReport:
    """What was found. ``ok`` means: no problem at all.

    ``first_bad`` is the first sequence number that is missing or wrong. Up to
    ``receipted_to``, every entry is covered by a receipt of the gateway with a matching hash, or by
    a decision of a person there.
    """

    path: Path
    device: str = ""
    incarnation: str = ""
    entries: int = 0
    head_seq: int = 0
    head_hash: str = ""
    acked_to: int = 0
    receipts: int = 0
    receipted_to: int = 0
    signatures_checked: bool = False
    first_bad: int | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def render(self) -> str:
        """The report as text for a person."""
        signatures = "checked" if self.signatures_checked else "not checked (no gateway key given)"
        lines = [
            f"journal       {self.path}",
            f"kiosk         {self.device}, incarnation {self.incarnation}",
            f"entries       {self.entries}, newest {self.head_seq}",
            f"head hash     {self.head_hash}",
            f"acknowledged  up to {self.acked_to}",
            f"receipts      {self.receipts}, covering up to {self.receipted_to}; "
            f"signatures {signatures}",
        ]
        if self.ok:
            lines.append("result        complete and unchanged")
        else:
            first = f", first at entry {self.first_bad}" if self.first_bad is not None else ""
            lines.append(f"result        {len(self.problems)} problem(s){first}")
            lines += [f"  - {problem}" for problem in self.problems[:_PROBLEMS_LISTED]]
            if len(self.problems) > _PROBLEMS_LISTED:
                lines.append(f"  … and {len(self.problems) - _PROBLEMS_LISTED} more")
        return "\n".join(lines) + "\n"

    def note(self, problem: str, seq: int | None = None) -> None:
        """Add a problem, with the entry it concerns."""
        self.problems.append(problem)
        if seq is not None and (self.first_bad is None or seq < self.first_bad):
            self.first_bad = seq


SignatureCheck = Callable[[str, bytes], bool]
"""Whether a signature (base64) of the gateway over these bytes is right."""


def verify_journal(
    path: Path, key: StoreKey, is_signed: SignatureCheck | None = None
) -> JournalReport:
    """Check pages, chain, gaps and receipts of a store file; never raises for damage.

    Raises:
        KeyUnusable, StoreMissing, WrongKey, NotEncrypted, StoreUnavailable: the journal could not
            be looked at at all.
    """
    connection = driver.open_connection(path, key, Access.READ)
    report = JournalReport(path)
    try:
        for part in (_check_identity, _check_events, _check_slots):
            _attempt(part, connection, report)
        _attempt(lambda c, r: _check_receipts(c, r, is_signed), connection, report)
        _attempt(_check_pages, connection, report)
    finally:
        connection.close()
    return report


def _attempt(
    part: Callable[[Connection, JournalReport], None], connection: Connection, report: JournalReport
) -> None:
    """Damage found by one part must not keep the others from looking."""
    try:
        part(connection, report)
    except StoreError as error:
        report.note(f"reading stopped: {error}", report.head_seq + 1)
    except Exception as error:
        # A file that was tampered with can hold anything: say so instead of failing.
        report.note(f"unexpected content: {type(error).__name__}: {error}")


def _check_identity(connection: Connection, report: JournalReport) -> None:
    found = connection.rows("SELECT device, incarnation FROM identity")
    if len(found) != 1:
        report.note(f"the store names {len(found)} kiosks instead of one")
    for device, incarnation in found[:1]:
        report.device, report.incarnation = device, incarnation
    for name, _ in connection.rows("SELECT name, acked_seq FROM stream WHERE name <> 'gateway'"):
        report.note(f"unknown stream {name}")
    for (acked,) in connection.rows("SELECT acked_seq FROM stream"):
        report.acked_to = acked


def _check_events(connection: Connection, report: JournalReport) -> None:
    previous = b"\x00" * 32
    for seq, kind, lane, body, stored in _events(connection):
        if seq != report.head_seq + 1:
            missing = f"{report.head_seq + 1} to {seq - 1}"
            report.note(f"entries {missing} are missing", report.head_seq + 1)
        digest = hashlib.sha256()
        digest.update(previous)
        digest.update(int(seq).to_bytes(8, "big"))
        digest.update(body)
        if digest.digest() != stored:
            report.note(f"entry {seq} does not match its hash or its predecessor", seq)
        _check_columns(report, seq, kind, lane, body)
        # Go on from the stored hash, so that one change is reported once.
        previous = stored
        report.entries += 1
        report.head_seq, report.head_hash = seq, bytes(stored).hex()


def _events(connection: Connection) -> Iterator[tuple[Any, ...]]:
    return connection.stream("SELECT seq, kind, lane, body, hash FROM event ORDER BY seq ASC")


def _check_columns(report: JournalReport, seq: int, kind: str, lane: str, body: bytes) -> None:
    """The columns beside the hashed bytes must say the same as the bytes."""
    try:
        content = json.loads(body)
        same = content["lane"] == lane and content["fact"]["type"] == kind
    except (ValueError, KeyError, TypeError):
        report.note(f"entry {seq} is not readable", seq)
        return
    if not same:
        report.note(f"entry {seq} is filed as {kind} in {lane}, its content says otherwise", seq)


def _check_slots(connection: Connection, report: JournalReport) -> None:
    """The slots sold must be those that the entries say."""
    sold: dict[str, tuple[int, str, int | None]] = {}
    for seq, kind, body in connection.stream(
        "SELECT seq, kind, body FROM event "
        "WHERE kind IN ('registration_confirmed', 'registration_cancelled') ORDER BY seq"
    ):
        fact = json.loads(body)["fact"]
        order = fact["order_id"]
        if kind == "registration_confirmed":
            sold[order] = (seq, fact["slot_id"], None)
        elif order in sold and sold[order][2] is None:
            sold[order] = (*sold[order][:2], seq)
    filed = {
        order: (seq, slot, freed)
        for order, seq, slot, freed in connection.rows(
            "SELECT order_id, seq, slot_id, freed_by FROM slot_sale"
        )
    }
    for order in sorted(sold.keys() | filed.keys()):
        if sold.get(order) != filed.get(order):
            report.note(f"the slot sale of order {order} differs from its journal entries")


def _check_receipts(
    connection: Connection, report: JournalReport, is_signed: SignatureCheck | None
) -> None:
    report.signatures_checked = is_signed is not None
    covered: list[tuple[int, int]] = []
    for batch, body in connection.rows("SELECT batch_id, body FROM receipt ORDER BY last_seq"):
        report.receipts += 1
        receipt = json.loads(body)
        # A receipt of the first contract covers one range, which it names itself.
        spans = receipt.get("spans", [receipt])
        name = f"receipt {batch} for {spans[0]['first_seq']} to {spans[-1]['last_seq']}"
        if not _is_ours(report, name, receipt, is_signed):
            continue
        for span in spans:
            first, last = span["first_seq"], span["last_seq"]
            hashes = connection.rows("SELECT hash FROM event WHERE seq = ?", (last,))
            if not hashes:
                lacking = f"{name}: the HIS has entries that this journal lacks"
                report.note(lacking, report.head_seq + 1)
            elif bytes(hashes[0][0]).hex() != span["last_hash"]:
                report.note(f"{name}: the HIS received another entry", last)
            else:
                covered.append((first, last))
    covered += _check_resolutions(connection, report, is_signed)
    for first, last in sorted(covered):
        if first <= report.receipted_to + 1:
            report.receipted_to = max(report.receipted_to, last)
    if report.acked_to > report.receipted_to:
        report.note(
            f"entries up to {report.acked_to} are marked acknowledged, "
            f"receipts cover only up to {report.receipted_to}"
        )
    for first, last in connection.rows("SELECT first_seq, last_seq FROM ahead"):
        if not any(start <= first and last <= end for start, end in _joined(covered)):
            report.note(f"entries {first} to {last} are marked acknowledged without a receipt")


def _check_resolutions(
    connection: Connection, report: JournalReport, is_signed: SignatureCheck | None
) -> list[tuple[int, int]]:
    """Decisions of people at the HIS: return the entries that they settled or withdrew."""
    covered: list[tuple[int, int]] = []
    for number, body in connection.rows("SELECT number, body FROM resolution ORDER BY number"):
        resolution = json.loads(body)
        if _is_ours(report, f"resolution {number}", resolution, is_signed):
            seq = resolution["seq"]
            covered += [(seq, seq)] if resolution["verdict"] in ("settled", "withdrawn") else []
    return covered


def _is_ours(
    report: JournalReport, name: str, told: dict[str, Any], is_signed: SignatureCheck | None
) -> bool:
    if (told["device"], told["incarnation"]) != (report.device, report.incarnation):
        report.note(f"{name} belongs to another kiosk or incarnation")
        return False
    unsigned = json.dumps(
        {**told, "signature": ""}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    if is_signed is not None and not is_signed(told["signature"], unsigned.encode()):
        report.note(f"{name} is not signed by the gateway")
        return False
    return True


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def _check_pages(connection: Connection, report: JournalReport) -> None:
    """Read every page in use: SQLCipher authenticates each as it is read."""
    for (problem,) in connection.rows("PRAGMA integrity_check"):
        if problem != "ok":
            report.note(f"database: {problem}")
