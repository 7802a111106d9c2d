"""Gathers what the database knows about an entry, for ``rules.decide``.

The statements are made once: to build and hash one anew costs several times its execution, and
a batch of a kiosk that was offline for a day needs thousands.
"""

from __future__ import annotations

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from store_forward.contract.facts import (
    CaseOpened,
    Entry,
    NoteCredited,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationPaid,
)
from store_forward.contract.wire import Outcome
from store_forward.gateway import ledger
from store_forward.gateway.journals import ENDED
from store_forward.gateway.reading import order_of
from store_forward.gateway.rules import Known, Order, Recorded
from store_forward.gateway.slots import find_slot
from store_forward.gateway.tables import (
    inbox,
    note,
    open_case,
    posting,
    registration,
    withheld,
)

_OF_DEVICE: BindParameter[str] = bindparam("of_device")
_WANTED: BindParameter[str] = bindparam("wanted")

_EARLIER = (
    select(inbox.c.body_hash, inbox.c.outcome, inbox.c.code, inbox.c.his_ref)
    .where(inbox.c.device == _OF_DEVICE, inbox.c.entry_id == _WANTED)
    .order_by(inbox.c.received_at, inbox.c.seq)
    .limit(1)
)
_ORDER = select(registration).where(
    registration.c.device == _OF_DEVICE, registration.c.order_id == _WANTED
)
_BALANCE = select(func.sum(posting.c.amount_fen)).where(
    posting.c.device == _OF_DEVICE, posting.c.account == _WANTED
)
_NOTE = select(note.c.note_id).where(note.c.device == _OF_DEVICE, note.c.note_id == _WANTED)
_ENDED = (
    select(withheld.c.state)
    .where(
        withheld.c.device == _OF_DEVICE,
        withheld.c.entry_id == _WANTED,
        withheld.c.state.in_(ENDED),
    )
    .limit(1)
)
_CASE = select(open_case.c.case_id).where(
    open_case.c.device == _OF_DEVICE, open_case.c.case_id == _WANTED
)


def gather(connection: Connection, device: str, entry: Entry, body_hash: str) -> Known:
    """Look up everything the rules may ask about this entry."""
    fact = entry.fact
    order_id = order_of(fact)
    needs_balance = isinstance(fact, RegistrationPaid | RegistrationCancelled)
    slot_id = fact.slot_id if isinstance(fact, RegistrationConfirmed) else None
    note_id = fact.note_id if isinstance(fact, NoteCredited) else None
    case_id = fact.case_id if isinstance(fact, CaseOpened) else None
    return Known(
        device=device,
        parents={parent: _outcome(connection, device, parent) for parent in entry.depends_on},
        earlier=_earlier(connection, device, entry.id, body_hash),
        order=_order(connection, device, order_id) if order_id is not None else None,
        slot=find_slot(connection, slot_id) if slot_id is not None else None,
        suspense_fen=(_suspense(connection, device, order_id) if needs_balance and order_id else 0),
        note_credited=note_id is not None and _note_known(connection, device, note_id),
        case_known=case_id is not None and _case_known(connection, device, case_id),
    )


def _outcome(connection: Connection, device: str, entry_id: str) -> Outcome | None:
    """What became of a parent; what a person has ended without it counts like an outcome."""
    where = {"of_device": device, "wanted": entry_id}
    row = connection.execute(_EARLIER, where).one_or_none()
    if row is not None:
        return Outcome(row.outcome)
    match connection.execute(_ENDED, where).scalar():
        case "settled":
            return Outcome.ACCEPTED
        case "withdrawn":
            return Outcome.REJECTED
        case _:
            return None


def _earlier(connection: Connection, device: str, entry_id: str, body_hash: str) -> Recorded | None:
    row = connection.execute(_EARLIER, {"of_device": device, "wanted": entry_id}).one_or_none()
    if row is None:
        return None
    return Recorded(row.body_hash == body_hash, Outcome(row.outcome), row.code, row.his_ref)


def _order(connection: Connection, device: str, order_id: str) -> Order | None:
    row = connection.execute(_ORDER, {"of_device": device, "wanted": order_id}).one_or_none()
    if row is None:
        return None
    return Order(row.order_id, row.state, row.his_ref, row.patient_number, row.slot_id, row.fee_fen)


def _suspense(connection: Connection, device: str, order_id: str) -> int:
    account = ledger.suspense(order_id, device)
    total = connection.execute(_BALANCE, {"of_device": device, "wanted": account}).scalar()
    return -int(total) if total is not None else 0


def _note_known(connection: Connection, device: str, note_id: str) -> bool:
    return connection.execute(_NOTE, {"of_device": device, "wanted": note_id}).first() is not None


def _case_known(connection: Connection, device: str, case_id: str) -> bool:
    return connection.execute(_CASE, {"of_device": device, "wanted": case_id}).first() is not None
