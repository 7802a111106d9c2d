"""The chain of a journal: entries, gaps, what stands for entries that are gone, checkpoints."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from store_forward.store.audit.report import Checks, JournalReport, LostRange
from store_forward.store.audit.signed import has_table, is_ours
from store_forward.store.driver import Connection

_GENESIS = bytes(32)


def check_events(connection: Connection, report: JournalReport, _checks: Checks) -> None:
    """Every entry continues the one before it; the first one what is known of the base."""
    anchors = _anchors(connection)
    first = connection.row("SELECT min(seq) FROM event")
    lowest = first[0] if first and first[0] is not None else None
    base = max((seq for seq in anchors if lowest is None or seq < lowest), default=0)
    previous = anchors[base][0] if base else _GENESIS
    report.base_seq = report.head_seq = base
    report.head_hash = previous.hex() if base else ""
    for seq, kind, lane, body, stored in connection.stream(
        "SELECT seq, kind, lane, body, hash FROM event ORDER BY seq ASC"
    ):
        if seq != report.head_seq + 1:
            previous = _note_gap(report, seq, anchors.get(seq - 1), previous)
        digest = hashlib.sha256(previous + int(seq).to_bytes(8, "big") + body)
        if digest.digest() != stored:
            report.note(f"entry {seq} does not match its hash or its predecessor", seq)
        _check_columns(report, seq, kind, lane, body)
        # Go on from the stored hash, so that one change is reported once.
        previous = stored
        if kind == "entries_lost":
            _note_told(report, seq, body)
        report.entries += 1
        report.head_seq, report.head_hash = seq, bytes(stored).hex()
    _check_base(connection, report, anchors)


def check_slots(connection: Connection, report: JournalReport, _checks: Checks) -> None:
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


def check_checkpoints(connection: Connection, report: JournalReport, checks: Checks) -> None:
    """What the device signed must be what is here."""
    report.device_checked = checks.device is not None
    if not has_table(connection, "checkpoint"):
        return
    for seq, body in connection.rows("SELECT seq, body FROM checkpoint ORDER BY seq"):
        report.checkpoints += 1
        told = json.loads(body)
        name = f"the checkpoint at {seq}"
        if not is_ours(report, name, told, checks.device, "the device"):
            continue
        if told["seq"] != seq:
            report.note(f"{name} is filed under another number than it names", seq)
            continue
        here = hash_at(connection, seq)
        if here is None:
            report.note(
                f"{name}: the device had entries that this journal lacks", report.head_seq + 1
            )
        elif here.hex() != told["hash"]:
            report.note(f"{name}: the device signed another entry", seq)
        else:
            report.checked_to = max(report.checked_to, seq)


def hash_at(connection: Connection, seq: int) -> bytes | None:
    """The stored chain hash of an entry or of an anchor; None where neither is here."""
    if seq == 0:
        return _GENESIS
    row = connection.row("SELECT hash FROM event WHERE seq = ?", (seq,))
    if row is None and has_table(connection, "anchor"):
        row = connection.row("SELECT hash FROM anchor WHERE seq = ?", (seq,))
    return bytes(row[0]) if row is not None else None


def _anchors(connection: Connection) -> dict[int, tuple[bytes, str]]:
    if not has_table(connection, "anchor"):
        return {}
    found = connection.rows("SELECT seq, hash, reason FROM anchor")
    return {seq: (bytes(digest), reason) for seq, digest, reason in found}


def _note_gap(
    report: JournalReport, seq: int, anchor: tuple[bytes, str] | None, previous: bytes
) -> bytes:
    """Tell a gap; behind a known one the chain goes on from its anchor."""
    first, last = report.head_seq + 1, seq - 1
    if anchor is None:
        report.note(f"entries {first} to {last} are missing", first)
        return previous
    report.note(
        f"entries {first} to {last} are missing: this kiosk noted that they were lost", first
    )
    report.lost.append(LostRange(first, last))
    return anchor[0]


def _note_told(report: JournalReport, seq: int, body: bytes) -> None:
    """The kiosk tells the HIS of entries it has lost. A journal that took the place of another one
    may repeat what that one lost: those are other entries."""
    fact = json.loads(body)["fact"]
    if fact.get("incarnation") == report.incarnation:
        for each in report.lost:
            if fact["first_seq"] <= each.first and each.last <= fact["last_seq"]:
                each.told_seq = each.told_seq or seq


def _check_base(
    connection: Connection, report: JournalReport, anchors: dict[int, tuple[bytes, str]]
) -> None:
    """What is below the first entry must have gone by a purge, which leaves its mark."""
    if not report.base_seq:
        return
    reason = anchors[report.base_seq][1]
    if reason != "purged":
        report.note(f"entries up to {report.base_seq} are not here ({reason})", 1)
        return
    marks = connection.rows("SELECT seq FROM purge WHERE seq = ?", (report.base_seq,))
    if not marks:
        report.note(f"entries up to {report.base_seq} are missing: no purge took them", 1)


def _check_columns(report: JournalReport, seq: int, kind: str, lane: str, body: bytes) -> None:
    """The columns beside the hashed bytes must say the same as the bytes."""
    try:
        content: Any = json.loads(body)
        same = content["lane"] == lane and content["fact"]["type"] == kind
    except (ValueError, KeyError, TypeError):
        report.note(f"entry {seq} is not readable", seq)
        return
    if not same:
        report.note(f"entry {seq} is filed as {kind} in {lane}, its content says otherwise", seq)
