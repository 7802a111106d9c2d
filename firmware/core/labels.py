"""Names for codes, as the screen and the paper show them.

Reference data may lose a code while an order still names it; then the code itself is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware.core.world import World
from firmware.messages.views import Text
from store_forward.contract.wire import Text as ReferenceText


@dataclass(frozen=True, slots=True)
class DepartmentLabel:
    name: Text
    location: Text


@dataclass(frozen=True, slots=True)
class DoctorLabel:
    name: Text
    title: Text


def shown(text: ReferenceText) -> Text:
    """Return reference text as the screen's message type."""
    return Text(text.zh, text.en)


def department_of(world: World, code: str) -> DepartmentLabel:
    """Return the names of a department."""
    known = world.catalogue.departments.get(code)
    if known is None:
        return DepartmentLabel(Text(code, code), Text("", ""))
    return DepartmentLabel(shown(known.name), shown(known.location))


def doctor_of(world: World, code: str) -> DoctorLabel:
    """Return the names of a doctor."""
    known = world.catalogue.doctors.get(code)
    if known is None:
        return DoctorLabel(Text(code, code), Text("", ""))
    return DoctorLabel(shown(known.name), shown(known.title))


def location_of(world: World, department_code: str, doctor_code: str) -> Text:
    """Return where to go: the department's place and, when known, today's room."""
    place = department_of(world, department_code).location
    schedule = world.catalogue.schedule_of(doctor_code, world.today.isoformat())
    if schedule is None or not schedule.room.zh:
        return place
    if not place.zh:
        return shown(schedule.room)
    return Text(f"{place.zh} {schedule.room.zh}", f"{place.en}, {schedule.room.en}")


def hhmm(text: str) -> str:
    """Return ``HH:MM`` of a time written ``HH:MM``, ``HH:MM:SS`` or as an ISO date and time."""
    return text.rpartition("T")[2][:5]
