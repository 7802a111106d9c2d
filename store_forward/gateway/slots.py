"""Slots in the database: found, sold, freed, leased and given back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from store_forward.contract.wire import LeaseRequest, SlotLease
from store_forward.gateway.allotments import (
    LeaseTerms,
    Slot,
    SlotState,
    is_reclaimable,
    plan_lease,
    state_after_cancel,
)
from store_forward.gateway.clinic import SellingDay
from store_forward.gateway.counters import take_turn
from store_forward.gateway.problems import Refused
from store_forward.gateway.tables import lease_request, slot
from store_forward.gateway.times import from_text, to_text

REQUESTS_KEPT = timedelta(days=1)
"""A lease request that is repeated later than this tops up like a new one: no harm is done."""

Columns = tuple[Any, ...]
"""The columns of ``tables.slot``; SQLAlchemy types rows of a whole table no closer."""

# Made once, see knowledge.py. FOR UPDATE has no meaning on SQLite, where a transaction that may
# write holds the whole database.
_FIND = (
    select(slot)
    .where(slot.c.slot_id.in_(bindparam("wanted", expanding=True)))
    .order_by(slot.c.slot_id)
    .with_for_update()
)
_SELL = (
    update(slot)
    .where(slot.c.slot_id == bindparam("wanted"), slot.c.state != SlotState.SOLD)
    .values(state=SlotState.SOLD, order_id=bindparam("sold_to"))
    .returning(slot.c.schedule_code)
)

_GRANT = (
    update(slot)
    .where(slot.c.slot_id == bindparam("granted"))
    .values(
        state=SlotState.LEASED,
        device=bindparam("device"),
        lease_id=bindparam("lease"),
        fencing=slot.c.fencing + 1,
        expires_at=bindparam("until"),
    )
)

_RENEW = (
    update(slot).where(slot.c.slot_id == bindparam("renewed")).values(expires_at=bindparam("until"))
)

_FREE = (
    update(slot)
    .where(slot.c.slot_id == bindparam("freed"))
    .values(state=SlotState.FREE, expires_at=None)
)


@dataclass(frozen=True)
class Freed:
    """A slot that an order gave up, as it is now, and its schedule."""

    slot: Slot
    schedule_code: str


def find_slots(connection: Connection, slot_ids: Sequence[str]) -> dict[str, Slot]:
    """Return those of the slots that there are. Nobody else changes them until commit.

    They are locked in one order, so that two batches do not wait for each other.
    """
    rows = connection.execute(_FIND, {"wanted": list(slot_ids)})
    return {row.slot_id: _slot(row) for row in rows}


def sell_slot(connection: Connection, slot_id: str, order_id: str) -> str:
    """Mark a slot sold. Returns its schedule. The rules have judged the sale before."""
    parameters = {"wanted": slot_id, "sold_to": order_id}
    return str(connection.execute(_SELL, parameters).scalar_one())


def free_slot(
    connection: Connection, slot_id: str, order_id: str, now: datetime, terms: LeaseTerms
) -> Freed | None:
    """Take a slot back from an order. Returns None when it was not that order's."""
    row = connection.execute(
        select(slot).where(slot.c.slot_id == slot_id, slot.c.order_id == order_id).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    before = _slot(row)
    state = state_after_cancel(before, now, terms)
    connection.execute(
        update(slot).where(slot.c.slot_id == slot_id).values(state=state, order_id=None)
    )
    return Freed(replace(before, state=state, order_id=None), str(row.schedule_code))


def lease(
    connection: Connection,
    request: LeaseRequest,
    day: SellingDay,
    now: datetime,
    terms: LeaseTerms,
    new_id: Callable[[], str],
) -> None:
    """Top the kiosk up to the wanted number of unsold slots of each doctor on that day.

    Only slots that are still to come count; where the clinic sells past ones too, those are
    handed out last. The same request changes nothing the second time. Raises Refused (409) when
    its id was used for another request.

    Kiosks take turns, so that two never plan with the same free slots. A slot that a batch is
    selling or freeing at this very moment is left out rather than waited for: batches and leases
    cannot block each other.
    """
    take_turn(connection, "leases")
    if _already_done(connection, request, now):
        return
    reclaim(connection, now, terms)
    rows = connection.execute(
        select(slot)
        .where(slot.c.date == day.date, slot.c.state != SlotState.SOLD)
        .order_by(slot.c.doctor_code, slot.c.start)
        .with_for_update(skip_locked=True)
    ).all()
    rows = [row for row in rows if day.is_sold_after(row.start, now + terms.notice)]
    until = {row.slot_id: to_text(day.lease_end(row.start, now + terms.duration)) for row in rows}
    renewed: list[dict[str, str]] = []
    granted: list[dict[str, str]] = []
    for _doctor, of_doctor in groupby(rows, key=lambda row: row.doctor_code):
        slots = [_slot(row) for row in _coming_first(of_doctor, day, now)]
        plan = plan_lease(slots, request.device, request.wanted_per_doctor, now, terms)
        renewed += [{"renewed": each, "until": until[each]} for each in plan.renew]
        granted += [
            {"granted": each, "device": request.device, "lease": new_id(), "until": until[each]}
            for each in plan.grant
        ]
    if renewed:
        connection.execute(_RENEW, renewed)
    if granted:
        connection.execute(_GRANT, granted)


def give_back(connection: Connection, device: str, lease_ids: Iterable[str]) -> None:
    """Free the kiosk's own unsold leases among these; others are left alone."""
    given = frozenset(lease_ids)
    held = connection.execute(
        select(slot.c.slot_id, slot.c.lease_id)
        .where(slot.c.device == device, slot.c.state == SlotState.LEASED)
        .with_for_update(skip_locked=True)
    ).all()
    freed = [{"freed": row.slot_id} for row in held if row.lease_id in given]
    if freed:
        connection.execute(_FREE, freed)


def reclaim(connection: Connection, now: datetime, terms: LeaseTerms) -> int:
    """Free every slot whose lease and grace have run out. Returns how many."""
    rows = connection.execute(
        select(slot).where(slot.c.state == SlotState.LEASED).with_for_update(skip_locked=True)
    ).all()
    gone = [{"freed": row.slot_id} for row in rows if is_reclaimable(_slot(row), now, terms)]
    if gone:
        connection.execute(_FREE, gone)
    return len(gone)


def leases_of(
    connection: Connection, device: str, day: SellingDay, now: datetime
) -> tuple[SlotLease, ...]:
    """All unsold slots of that day leased to the kiosk and not run out."""
    rows = connection.execute(
        select(slot)
        .where(slot.c.device == device, slot.c.state == SlotState.LEASED, slot.c.date == day.date)
        .order_by(slot.c.doctor_code, slot.c.start)
    ).all()
    ends = {row.slot_id: day.lease_end(row.start, from_text(row.expires_at)) for row in rows}
    return tuple(
        SlotLease(
            lease_id=row.lease_id,
            slot_id=row.slot_id,
            schedule_code=row.schedule_code,
            doctor_code=row.doctor_code,
            number=row.number,
            start=row.start,
            end=row.end,
            expires_at=to_text(ends[row.slot_id]),
            fencing=row.fencing,
        )
        for row in rows
        if ends[row.slot_id] > now
    )


def unsold(connection: Connection, date: str) -> dict[str, int]:
    """Number of unsold slots of each schedule of that day."""
    rows = connection.execute(
        select(slot.c.schedule_code, func.count())
        .where(slot.c.date == date, slot.c.state != SlotState.SOLD)
        .group_by(slot.c.schedule_code)
    ).all()
    return {str(code): int(count) for code, count in rows}


def _already_done(connection: Connection, request: LeaseRequest, now: datetime) -> bool:
    wanted = connection.execute(
        select(lease_request.c.wanted_per_doctor).where(
            lease_request.c.device == request.device,
            lease_request.c.request_id == request.request_id,
        )
    ).scalar()
    if wanted is None:
        forgotten = to_text(now - REQUESTS_KEPT)
        connection.execute(
            delete(lease_request).where(
                lease_request.c.device == request.device, lease_request.c.received_at < forgotten
            )
        )
        connection.execute(
            insert(lease_request).values(
                device=request.device,
                request_id=request.request_id,
                wanted_per_doctor=request.wanted_per_doctor,
                received_at=to_text(now),
            )
        )
        return False
    if wanted != request.wanted_per_doctor:
        detail = f"request {request.request_id} was carried out with another wish before"
        raise Refused(409, "request_id_reused", detail)
    return True


def _coming_first(
    rows: Iterable[Row[*Columns]], day: SellingDay, now: datetime
) -> list[Row[*Columns]]:
    return sorted(rows, key=lambda row: (day.starts_at(row.start) < now, row.start))


def _slot(row: Row[*Columns]) -> Slot:
    return Slot(
        slot_id=row.slot_id,
        state=SlotState(row.state),
        fencing=row.fencing,
        device=row.device,
        lease_id=row.lease_id,
        expires_at=from_text(row.expires_at) if row.expires_at is not None else None,
        order_id=row.order_id,
    )
