"""What can be offered: doctors by title and specialty, slots leased to this kiosk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from firmware.core.labels import shown
from firmware.core.state import FindDoctor
from firmware.core.world import World
from firmware.messages.views import Size, Text
from store_forward.contract.wire import Doctor, SlotLease

T = TypeVar("T")

DEPARTMENTS_A_PAGE = 8
DOCTORS_A_PAGE = 5
SLOTS_A_PAGE = 12
ELDER_ROWS_A_PAGE = 4
"""In elder mode: no more than five choices a screen, one of which turns the page."""


@dataclass(frozen=True, slots=True)
class DoctorChoices:
    """Titles and specialties that occur among a department's doctors, in catalogue order."""

    titles: tuple[Text, ...]
    specialties: tuple[Text, ...]


def doctor_choices(world: World, department: str) -> DoctorChoices:
    """Return what the doctors of a department can be filtered by."""
    doctors = world.catalogue.doctors_of(department)
    return DoctorChoices(
        titles=tuple(dict.fromkeys(shown(doctor.title) for doctor in doctors)),
        specialties=tuple(dict.fromkeys(shown(doctor.specialty) for doctor in doctors)),
    )


def doctors_offered(world: World, step: FindDoctor) -> tuple[Doctor, ...]:
    """Return the department's doctors that pass the filter; those with slots first."""
    choices = doctor_choices(world, step.department)
    title = _chosen(choices.titles, step.title)
    specialty = _chosen(choices.specialties, step.specialty)
    fitting = [
        doctor
        for doctor in world.catalogue.doctors_of(step.department)
        if (title is None or shown(doctor.title) == title)
        and (specialty is None or shown(doctor.specialty) == specialty)
    ]
    remaining = remaining_by_doctor(world)
    return tuple(sorted(fitting, key=lambda doctor: not remaining[doctor.code]))


def remaining_by_doctor(world: World) -> Counter[str]:
    """Return how many slots this kiosk can sell now, by doctor."""
    return Counter(lease.doctor_code for lease in world.sellable_leases())


def leases_of(world: World, doctor_code: str) -> tuple[SlotLease, ...]:
    """Return the doctor's slots this kiosk can sell now, by number."""
    own = (lease for lease in world.sellable_leases() if lease.doctor_code == doctor_code)
    return tuple(sorted(own, key=lambda lease: lease.number))


def page_of(rows: Sequence[T], page: int, size: int) -> tuple[tuple[T, ...], int, int]:
    """Return the rows of a page, its number clamped to what there is, and how many there are."""
    pages = max(1, -(-len(rows) // size))
    page = min(max(page, 0), pages - 1)
    return tuple(rows[page * size : (page + 1) * size]), page, pages


def rows_a_page(size: Size, normal: int) -> int:
    """Return how many rows a page of a list has."""
    return ELDER_ROWS_A_PAGE if size is Size.ELDER else normal


def _chosen(offered: tuple[Text, ...], index: int | None) -> Text | None:
    return offered[index] if index is not None and index < len(offered) else None
