"""What the operator sees: the newest rows of every table that tells a story. No patient names."""

from __future__ import annotations

import hmac
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from store_forward.contract.resolutions import Verdict
from store_forward.gateway.allotments import SlotState
from store_forward.gateway.cases import verdicts_about
from store_forward.gateway.console_words import meaning_of, meaning_of_parked
from store_forward.gateway.tables import (
    alarm,
    batch,
    device,
    inbox,
    lost_range,
    open_case,
    patient,
    posting,
    registration,
    slot,
    stream,
)

NEWEST_ROWS = 1_000
"""Rows of each kind in one answer."""

Rows = list[dict[str, Any]]


def may_look(authorization: str | None, token: str) -> bool:
    """Say whether an Authorization header carries the operator's bearer token (RFC 6750)."""
    scheme, _, given = (authorization or "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode())


def read_rows(connection: Connection) -> dict[str, Any]:
    """Everything the console shows, as plain JSON values."""
    balances = connection.execute(
        select(posting.c.account, func.sum(posting.c.amount_fen))
        .group_by(posting.c.account)
        .order_by(posting.c.account)
    ).all()
    return {
        "cases": _cases(connection),
        "devices": _rows(connection, select(device.c.device, device.c.enrolled_at)),
        "streams": _rows(connection, select(stream)),
        "lost": _rows(connection, _newest(select(lost_range), lost_range.c.told_at)),
        "batches": _rows(connection, _newest(_batches(), batch.c.received_at, batch.c.last_seq)),
        "transactions": _rows(
            connection, _newest(_transactions(), inbox.c.received_at, inbox.c.seq)
        ),
        "registrations": _registrations(connection),
        "ledger": {account: int(total) for account, total in balances},
        "slots": _rows(connection, _slots()),
        "free_slots": _free(connection),
        "alarms": _rows(connection, _newest(select(alarm), alarm.c.raised_at)),
    }


def mask_name(name: str) -> str:
    """``张*``: the family name, the rest starred."""
    return name[:1] + "*" * max(1, len(name) - 1)


def _batches() -> Select[Any]:
    return select(
        batch.c.device, batch.c.first_seq, batch.c.last_seq, batch.c.batch_id, batch.c.received_at
    )


def _transactions() -> Select[Any]:
    return select(
        inbox.c.device,
        inbox.c.incarnation,
        inbox.c.seq,
        inbox.c.entry_id,
        inbox.c.kind,
        inbox.c.order_id,
        inbox.c.outcome,
        inbox.c.code,
        inbox.c.his_ref,
        inbox.c.received_at,
    )


def _slots() -> Select[Any]:
    return (
        select(
            slot.c.slot_id,
            slot.c.state,
            slot.c.device,
            slot.c.lease_id,
            slot.c.fencing,
            slot.c.expires_at,
            slot.c.order_id,
        )
        .where(slot.c.state != SlotState.FREE)
        .order_by(slot.c.slot_id)
    )


def _registrations(connection: Connection) -> Rows:
    rows = _rows(
        connection,
        select(registration, patient.c.name.label("patient_name"), patient.c.verified)
        .join(patient, patient.c.patient_number == registration.c.patient_number)
        .order_by(registration.c.his_ref.desc())
        .limit(NEWEST_ROWS),
    )
    return [{**row, "patient_name": mask_name(row["patient_name"])} for row in rows]


def _cases(connection: Connection) -> Rows:
    """Open ones first, with what they mean and what can be decided about them."""
    is_closed = open_case.c.closed_at.is_not(None)
    query = select(open_case).order_by(is_closed, open_case.c.opened_at.desc())
    found: Rows = []
    for row in _rows(connection, query.limit(NEWEST_ROWS)):
        verdicts = verdicts_about(row["case_id"])
        is_parked = Verdict.RESEND in verdicts
        meaning = meaning_of_parked(row["reason"]) if is_parked else meaning_of(row["reason"])
        is_open = row["closed_at"] is None and row["seq"] is not None
        found.append({"verdicts": verdicts if is_open else (), "meaning": meaning, **row})
    return found


def _free(connection: Connection) -> dict[str, int]:
    rows = connection.execute(
        select(slot.c.schedule_code, func.count())
        .where(slot.c.state == SlotState.FREE)
        .group_by(slot.c.schedule_code)
    ).all()
    return {code: int(count) for code, count in rows}


def _newest(query: Select[Any], *columns: ColumnElement[Any]) -> Select[Any]:
    return query.order_by(*(column.desc() for column in columns)).limit(NEWEST_ROWS)


def _rows(connection: Connection, query: Select[Any]) -> Rows:
    return [dict(row) for row in connection.execute(query).mappings()]
