"""What a branch clinic offers, and the timetable that follows from it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from store_forward.contract.wire import Department, Doctor, Text


@dataclass(frozen=True)
class Session:
    """A part of the clinic's day, in local time."""

    key: str
    start: time
    end: time


@dataclass(frozen=True)
class Practice:
    """Where and in which sessions a doctor sees patients every day."""

    doctor: Doctor
    room: Text
    sessions: tuple[Session, ...]


@dataclass(frozen=True)
class Clinic:
    """Everything the reference file says.

    ``sells_past_slots``: slots of an earlier hour of the day are handed out too, after the
    coming ones, and a lease may outlast its slot, so that a demonstration works at any hour.
    """

    timezone: ZoneInfo
    slot_minutes: int
    sells_past_slots: bool
    departments: tuple[Department, ...]
    practices: tuple[Practice, ...]


@dataclass(frozen=True)
class PlannedSlot:
    """One slot of a session: number from 1, times ``HH:MM`` local."""

    slot_id: str
    number: int
    start: str
    end: str


@dataclass(frozen=True)
class PlannedSession:
    """A doctor's session of one day with its slots."""

    code: str
    doctor_code: str
    date: str
    start: str
    end: str
    room: Text
    slots: tuple[PlannedSlot, ...]


@dataclass(frozen=True)
class SellingDay:
    """One date (ISO 8601) of a clinic, and until when its slots can be sold."""

    date: str
    timezone: ZoneInfo
    sells_past_slots: bool

    def starts_at(self, start: str) -> datetime:
        """The moment, in UTC, of ``HH:MM`` on this date; the earlier one where it comes twice."""
        local = datetime.fromisoformat(f"{self.date}T{start}").replace(tzinfo=self.timezone)
        return local.astimezone(UTC)

    def is_sold_after(self, start: str, moment: datetime) -> bool:
        """Whether a slot that starts at ``start`` can still be sold after this moment."""
        return self.sells_past_slots or moment < self.starts_at(start)

    def lease_end(self, start: str, at_most: datetime) -> datetime:
        """When a lease of the slot ends that would by its terms run until ``at_most``.

        It never outlasts the start of its slot, so a kiosk without network that keeps to the
        lease sells no time that has passed.
        """
        return at_most if self.sells_past_slots else min(at_most, self.starts_at(start))


def selling_day(clinic: Clinic, now: datetime) -> SellingDay:
    """The clinic's day at this moment."""
    date = business_date(clinic, now).isoformat()
    return SellingDay(date, clinic.timezone, clinic.sells_past_slots)


def business_date(clinic: Clinic, now: datetime) -> date:
    """The clinic's date at this moment."""
    return now.astimezone(clinic.timezone).date()


def plan_day(clinic: Clinic, day: date) -> Iterator[PlannedSession]:
    """All sessions of a day."""
    for practice in clinic.practices:
        number = 0
        for session in practice.sessions:
            code = f"{day.isoformat()}.{practice.doctor.code}.{session.key}"
            slots = tuple(_slots(code, session, clinic.slot_minutes, number))
            number += len(slots)
            yield PlannedSession(
                code=code,
                doctor_code=practice.doctor.code,
                date=day.isoformat(),
                start=_clock(session.start),
                end=_clock(session.end),
                room=practice.room,
                slots=slots,
            )


def _slots(code: str, session: Session, minutes: int, given: int) -> Iterator[PlannedSlot]:
    """Numbers run through the doctor's day, so that no two patients of a day share one."""
    start = datetime.combine(date.min, session.start)
    end = datetime.combine(date.min, session.end)
    length = timedelta(minutes=minutes)
    number = given
    while start + length <= end:
        number += 1
        yield PlannedSlot(
            f"{code}.{number:03d}", number, _clock(start.time()), _clock((start + length).time())
        )
        start += length


def _clock(moment: time) -> str:
    return moment.strftime("%H:%M")
