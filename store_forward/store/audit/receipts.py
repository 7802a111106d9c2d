"""What the HIS has countersigned, against what the journal holds and calls acknowledged."""

from __future__ import annotations

import json

from store_forward.store.audit.chain import hash_at
from store_forward.store.audit.report import Checks, JournalReport
from store_forward.store.audit.signed import has_table, is_ours
from store_forward.store.driver import Connection

_THE_GATEWAY = "the gateway"


def check_receipts(connection: Connection, report: JournalReport, checks: Checks) -> None:
    """Receipts, decisions of people at the HIS, and the gateway's mark."""
    report.signatures_checked = checks.gateway is not None
    covered = _check_spans(connection, report, checks)
    covered += _check_resolutions(connection, report, checks)
    covered += _closed(connection, report, checks)
    if report.base_seq and not any(last == report.base_seq for _, last in covered):
        report.note(f"no receipt proves entry {report.base_seq}, behind which the journal begins")
    report.receipted_to = report.base_seq
    for first, last in sorted(covered):
        if first <= report.receipted_to + 1:
            report.receipted_to = max(report.receipted_to, last)
    if report.acked_to > report.receipted_to:
        report.note(
            f"entries up to {report.acked_to} are marked acknowledged, "
            f"receipts cover only up to {report.receipted_to}"
        )
    if has_table(connection, "ahead"):
        joined = _joined(covered)
        for first, last in connection.rows("SELECT first_seq, last_seq FROM ahead"):
            if not any(start <= first and last <= end for start, end in joined):
                report.note(f"entries {first} to {last} are marked acknowledged without a receipt")


def check_mark(connection: Connection, report: JournalReport, checks: Checks) -> None:
    """The gateway's newest mark must not lie beyond this journal."""
    row = connection.row("SELECT body FROM status WHERE name = 'gateway_mark'")
    told = json.loads(row[0]) if row is not None else None
    if told is None or told.get("incarnation") != report.incarnation:
        return
    if not is_ours(report, "the gateway's mark", told, checks.gateway, _THE_GATEWAY):
        return
    seq = told["high_water"]
    here = hash_at(connection, seq)
    if seq > report.head_seq:
        report.note(
            f"the gateway has entries up to {seq}, this journal lacks those from "
            f"{report.head_seq + 1} on: it may be an older copy",
            report.head_seq + 1,
        )
    elif here is not None and here.hex() != told["head_hash"]:
        report.note(f"the gateway has another entry {seq}", seq)


def _check_spans(
    connection: Connection, report: JournalReport, checks: Checks
) -> list[tuple[int, int]]:
    covered: list[tuple[int, int]] = []
    for batch, body in connection.rows("SELECT batch_id, body FROM receipt ORDER BY last_seq"):
        report.receipts += 1
        receipt = json.loads(body)
        # A receipt of the first contract covers one range, which it names itself.
        spans = receipt.get("spans", [receipt])
        name = f"receipt {batch} for {spans[0]['first_seq']} to {spans[-1]['last_seq']}"
        if not is_ours(report, name, receipt, checks.gateway, _THE_GATEWAY):
            continue
        for span in spans:
            first, last = span["first_seq"], span["last_seq"]
            here = hash_at(connection, last)
            if here is None and last < report.base_seq:
                continue  # purged, and not needed to prove anything
            if here is None:
                lacking = f"{name}: the HIS has entries that this journal lacks"
                report.note(lacking, report.head_seq + 1)
            elif here.hex() != span["last_hash"]:
                report.note(f"{name}: the HIS received another entry", last)
            else:
                covered.append((first, last))
    return covered


def _closed(connection: Connection, report: JournalReport, checks: Checks) -> list[tuple[int, int]]:
    """Entries that are lost: return those behind which the HIS has signed to go on."""
    if not report.lost:
        return []
    signed = [0]
    for (body,) in connection.rows(
        "SELECT body FROM receipt UNION ALL SELECT body FROM status WHERE name = 'gateway_mark'"
    ):
        told = json.loads(body)
        # What is not ours or not signed is told where it is looked at by itself.
        if is_ours(
            JournalReport(report.path, report.device, report.incarnation),
            "",
            told,
            checks.gateway,
            _THE_GATEWAY,
        ):
            signed.append(told.get("ack_seq", told.get("high_water", 0)))
    for each in report.lost:
        each.is_closed = each.last <= max(signed)
    return [(each.first, each.last) for each in report.lost if each.is_closed]


def _check_resolutions(
    connection: Connection, report: JournalReport, checks: Checks
) -> list[tuple[int, int]]:
    """Decisions of people at the HIS: return the entries that they settled or withdrew."""
    covered: list[tuple[int, int]] = []
    if not has_table(connection, "resolution"):
        return covered
    for number, body in connection.rows("SELECT number, body FROM resolution ORDER BY number"):
        resolution = json.loads(body)
        name = f"resolution {number}"
        if is_ours(report, name, resolution, checks.gateway, _THE_GATEWAY):
            seq = resolution["seq"]
            covered += [(seq, seq)] if resolution["verdict"] in ("settled", "withdrawn") else []
    return covered


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined
