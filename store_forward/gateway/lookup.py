"""What became of a transaction: looked up by entry id, order id or slip code."""

from __future__ import annotations

from sqlalchemy import Connection, select

from store_forward.contract.wire import TransactionStatus
from store_forward.gateway.problems import Refused
from store_forward.gateway.reading import is_storable
from store_forward.gateway.tables import inbox, open_case, registration


def find_transaction(connection: Connection, wanted: str) -> TransactionStatus:
    """Return the state at the HIS; no patient data, so any enrolled kiosk may ask.

    ``state`` of an entry is its outcome; of an order or slip code ``accepted``, ``cancelled``,
    ``review`` (a person decides) or ``case_open``. Raises Refused (404) for what is not known.
    """
    if not is_storable(wanted):
        raise Refused(404, "unknown_transaction", "nothing with this id can have been received")
    found = (
        _kiosk_case(connection, wanted)
        or _registration(connection, wanted)
        or _gateway_case(connection, wanted)
        or _entry(connection, wanted)
        or _order_without_row(connection, wanted)
    )
    if found is None:
        raise Refused(404, "unknown_transaction", "nothing with this id has been received")
    return found


def _registration(connection: Connection, wanted: str) -> TransactionStatus | None:
    row = connection.execute(
        select(registration)
        .where((registration.c.order_id == wanted) | (registration.c.slip_code == wanted))
        .limit(1)
    ).first()
    if row is None:
        return None
    state = "cancelled" if row.state == "cancelled" else "accepted"
    if row.review_code is not None:
        state = "review"
    return TransactionStatus(wanted, state, row.his_ref, row.device)


def _kiosk_case(connection: Connection, wanted: str) -> TransactionStatus | None:
    """A case shares its slip with the cancelled order it came from: the case is the news."""
    return _case(connection, wanted, "kiosk", "case_open")


def _gateway_case(connection: Connection, wanted: str) -> TransactionStatus | None:
    """A payment that went to review left its slip code only in the case."""
    return _case(connection, wanted, "gateway", "review")


def _case(connection: Connection, wanted: str, origin: str, state: str) -> TransactionStatus | None:
    row = connection.execute(
        select(open_case.c.device)
        .where(
            (open_case.c.slip_code == wanted) | (open_case.c.case_id == wanted),
            open_case.c.origin == origin,
        )
        .limit(1)
    ).first()
    return TransactionStatus(wanted, state, device=row.device) if row is not None else None


def _entry(connection: Connection, wanted: str) -> TransactionStatus | None:
    row = connection.execute(
        select(inbox.c.outcome, inbox.c.his_ref, inbox.c.device, inbox.c.seq)
        .where(inbox.c.entry_id == wanted)
        .order_by(inbox.c.received_at, inbox.c.seq)
        .limit(1)
    ).first()
    if row is None:
        return None
    return TransactionStatus(wanted, row.outcome, row.his_ref, row.device, row.seq)


def _order_without_row(connection: Connection, wanted: str) -> TransactionStatus | None:
    """An order whose registration was rejected or deferred has entries, but no HIS row."""
    row = connection.execute(
        select(inbox.c.outcome, inbox.c.device, inbox.c.seq)
        .where(inbox.c.order_id == wanted)
        .order_by(inbox.c.received_at, inbox.c.seq)
        .limit(1)
    ).first()
    if row is None:
        return None
    return TransactionStatus(wanted, row.outcome, device=row.device, seq=row.seq)
