"""Today's reference data and slots: published at start, and anew when the date changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime

import msgspec
from sqlalchemy import Connection, insert, select

from store_forward.contract.wire import (
    LeaseAnswer,
    LeaseRequest,
    LeaseReturn,
    ReferencePage,
    Schedule,
    SlotLease,
)
from store_forward.gateway import slots
from store_forward.gateway.allotments import LeaseTerms, SlotState
from store_forward.gateway.clinic import (
    Clinic,
    PlannedSession,
    business_date,
    plan_day,
    selling_day,
)
from store_forward.gateway.counters import take_turn
from store_forward.gateway.database import Database
from store_forward.gateway.reference import publish, read_page, version_counter
from store_forward.gateway.tables import slot
from store_forward.gateway.times import to_text


class Catalogue:
    """Answers what the clinic offers today and leases its slots."""

    def __init__(
        self,
        database: Database,
        clinic: Clinic,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        terms: LeaseTerms,
    ) -> None:
        self._database = database
        self._clinic = clinic
        self._now = now
        self._new_id = new_id
        self._terms = terms
        self._published: date | None = None
        self._publishing = threading.Lock()

    def publish_today(self) -> None:
        """Publish the reference file and today's timetable, unless that is done."""
        today = business_date(self._clinic, self._now())
        if self._published == today:
            return
        with self._publishing:
            if self._published == today:
                return
            self._database.transact(lambda connection: self._publish(connection, today))
            self._published = today

    def page(self, set_name: str, since: str | None) -> ReferencePage:
        """Changes of a set since a cursor. Raises Refused."""
        self.publish_today()
        with self._database.read() as connection:
            return read_page(connection, set_name, since, self._now())

    def lease(self, request: LeaseRequest) -> LeaseAnswer:
        """Top the kiosk up. Raises Refused."""
        self.publish_today()
        now = self._now()
        day = selling_day(self._clinic, now)

        def top_up(connection: Connection) -> tuple[SlotLease, ...]:
            slots.lease(connection, request, day, now, self._terms, self._new_id)
            return slots.leases_of(connection, request.device, day, now)

        return LeaseAnswer(self._database.transact(top_up), to_text(now))

    def give_back(self, request: LeaseReturn) -> LeaseAnswer:
        """Free leases the kiosk does not want. Doing it twice is doing it once."""
        now = self._now()
        day = selling_day(self._clinic, now)

        def take_back(connection: Connection) -> tuple[SlotLease, ...]:
            slots.give_back(connection, request.device, request.lease_ids)
            return slots.leases_of(connection, request.device, day, now)

        return LeaseAnswer(self._database.transact(take_back), to_text(now))

    def _publish(self, connection: Connection, today: date) -> None:
        # Of several gateways one publishes; and no slot is sold between counting and publishing.
        take_turn(connection, version_counter("schedules"))
        clinic = self._clinic
        sessions = tuple(plan_day(clinic, today))
        _add_slots(connection, sessions)
        publish(
            connection,
            "departments",
            {each.code: msgspec.json.encode(each) for each in clinic.departments},
        )
        publish(
            connection,
            "doctors",
            {each.doctor.code: msgspec.json.encode(each.doctor) for each in clinic.practices},
        )
        remaining = slots.unsold(connection, today.isoformat())
        as_of = to_text(self._now())
        publish(
            connection,
            "schedules",
            {
                each.code: msgspec.json.encode(_schedule(each, remaining.get(each.code, 0), as_of))
                for each in sessions
            },
        )


def _schedule(session: PlannedSession, remaining: int, as_of: str) -> Schedule:
    return Schedule(
        code=session.code,
        doctor_code=session.doctor_code,
        date=session.date,
        start=session.start,
        end=session.end,
        room=session.room,
        capacity=len(session.slots),
        remaining=remaining,
        as_of=as_of,
    )


def _add_slots(connection: Connection, sessions: tuple[PlannedSession, ...]) -> None:
    """Add slots that are new in the timetable. Those once offered keep their row for ever."""
    if not sessions:
        return
    known = set(
        connection.execute(select(slot.c.slot_id).where(slot.c.date == sessions[0].date)).scalars()
    )
    rows = [
        {
            "slot_id": each.slot_id,
            "schedule_code": session.code,
            "doctor_code": session.doctor_code,
            "date": session.date,
            "number": each.number,
            "start": each.start,
            "end": each.end,
            "state": SlotState.FREE,
            "fencing": 0,
        }
        for session in sessions
        for each in session.slots
        if each.slot_id not in known
    ]
    if rows:
        connection.execute(insert(slot), rows)
