"""The screens one chooses from: departments, doctors, times."""

from __future__ import annotations

from datetime import datetime

from firmware.core.labels import department_of, doctor_of, hhmm, shown
from firmware.core.offers import (
    DEPARTMENTS_A_PAGE,
    DOCTORS_A_PAGE,
    SLOTS_A_PAGE,
    doctor_choices,
    doctors_offered,
    leases_of,
    page_of,
    remaining_by_doctor,
    rows_a_page,
)
from firmware.core.state import FindDepartment, FindDoctor, PickSlot
from firmware.core.world import Found, World
from firmware.messages.views import (
    DepartmentRow,
    DepartmentView,
    DoctorRow,
    DoctorView,
    Reason,
    Size,
    SlotRow,
    SlotView,
)


def department_view(step: FindDepartment, world: World, size: Size) -> DepartmentView:
    """Departments that fit what was typed; all of them before anything was typed."""
    if step.query.strip():
        found, is_suggested = world.catalogue.find(step.query)
    else:
        found, is_suggested = [Found(code, "") for code in world.catalogue.departments], False
    known = [one for one in found if one.code in world.catalogue.departments]
    shown_now, page, pages = page_of(known, step.page, rows_a_page(size, DEPARTMENTS_A_PAGE))
    day = world.today.isoformat()
    open_today = {
        doctor.department_code
        for schedule in world.catalogue.schedules.values()
        if schedule.date == day
        and (doctor := world.catalogue.doctors.get(schedule.doctor_code)) is not None
    }
    rows = tuple(
        DepartmentRow(
            one.code,
            department_of(world, one.code).name,
            department_of(world, one.code).location,
            one.matched,
            one.code in open_today,
        )
        for one in shown_now
    )
    return DepartmentView(step.query, rows, page, pages, is_suggested)


def doctor_view(step: FindDoctor, world: World, size: Size) -> DoctorView:
    """The department's doctors that pass the filter."""
    choices = doctor_choices(world, step.department)
    doctors = doctors_offered(world, step)
    shown_now, page, pages = page_of(doctors, step.page, rows_a_page(size, DOCTORS_A_PAGE))
    remaining = remaining_by_doctor(world)
    rows = tuple(
        DoctorRow(
            doctor.code,
            shown(doctor.name),
            shown(doctor.title),
            shown(doctor.specialty),
            doctor.fee_fen,
            remaining[doctor.code],
            as_of(world, doctor.code),
            remaining[doctor.code] > 0,
            Reason.NONE if remaining[doctor.code] else Reason.NO_SLOTS,
        )
        for doctor in shown_now
    )
    return DoctorView(
        department_of(world, step.department).name,
        choices.titles,
        step.title,
        choices.specialties,
        step.specialty,
        rows,
        page,
        pages,
    )


def slot_view(step: PickSlot, world: World, size: Size) -> SlotView:
    """The doctor's times this kiosk can sell."""
    leases = leases_of(world, step.doctor)
    shown_now, page, pages = page_of(leases, step.page, rows_a_page(size, SLOTS_A_PAGE))
    doctor = doctor_of(world, step.doctor)
    rows = tuple(
        SlotRow(lease.slot_id, lease.number, hhmm(lease.start), hhmm(lease.end))
        for lease in shown_now
    )
    return SlotView(
        department_of(world, step.back.department).name,
        doctor.name,
        doctor.title,
        rows,
        page,
        pages,
        as_of(world, step.doctor),
        Reason.NONE if leases else Reason.NO_SLOTS,
    )


def as_of(world: World, doctor_code: str) -> str:
    """Return the age of a doctor's figures as ``HH:MM``; empty when nothing is known."""
    moment: datetime | None = world.leases_as_of or world.catalogue.as_of
    return "" if moment is None else world.clock_text(moment)
