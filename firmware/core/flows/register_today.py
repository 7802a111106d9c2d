"""Same-day registration (当日挂号): department, doctor, slot, confirmation. Nothing is recorded
before the patient has confirmed identity, service and fee."""

from __future__ import annotations

from dataclasses import replace

from firmware.core.flows.pay_cash import settle
from firmware.core.gates import why_not_register
from firmware.core.moves import Move, go, note, record, stay
from firmware.core.offers import doctor_choices, leases_of
from firmware.core.state import (
    CheckDetails,
    FindDepartment,
    FindDoctor,
    Pay,
    PickSlot,
    State,
)
from firmware.core.world import World
from firmware.messages.intents import (
    ChooseDepartment,
    ChooseDoctor,
    ChooseSlot,
    FilterDoctors,
    Search,
    TurnPage,
)
from firmware.messages.views import Reason, Service
from store_forward.contract.facts import RegistrationConfirmed

LONGEST_QUERY = 32
"""Characters; longer than any department's name or symptom word."""


def search(state: State, step: FindDepartment, intent: Search) -> Move:
    """The text in the search field changed."""
    return stay(go(state, FindDepartment(query=intent.text[:LONGEST_QUERY])))


def turn_page(state: State, step: FindDepartment | FindDoctor | PickSlot, intent: TurnPage) -> Move:
    """Another page of the list; the view clamps it to what there is."""
    return stay(go(state, replace(step, page=max(intent.page, 0))))


def choose_department(
    state: State, step: FindDepartment, intent: ChooseDepartment, world: World
) -> Move:
    """A department was chosen."""
    if intent.code not in world.catalogue.departments:
        return stay(state)
    return stay(go(state, FindDoctor(intent.code, search=step)))


def filter_doctors(state: State, step: FindDoctor, intent: FilterDoctors, world: World) -> Move:
    """Only doctors of a title or specialty."""
    choices = doctor_choices(world, step.department)
    title, specialty = intent.title, intent.specialty
    if title is not None and not 0 <= title < len(choices.titles):
        return stay(state)
    if specialty is not None and not 0 <= specialty < len(choices.specialties):
        return stay(state)
    return stay(go(state, replace(step, title=title, specialty=specialty, page=0)))


def choose_doctor(state: State, step: FindDoctor, intent: ChooseDoctor, world: World) -> Move:
    """A doctor was chosen."""
    doctor = world.catalogue.doctors.get(intent.code)
    if doctor is None or doctor.department_code != step.department:
        return stay(state)
    if not leases_of(world, doctor.code):
        return stay(note(state, Reason.NO_SLOTS))
    return stay(go(state, PickSlot(doctor.code, step)))


def choose_slot(state: State, step: PickSlot, intent: ChooseSlot, world: World) -> Move:
    """A time was chosen."""
    for lease in leases_of(world, step.doctor):
        if lease.slot_id == intent.id:
            return stay(go(state, CheckDetails(lease, step)))
    return stay(note(state, Reason.SLOT_TAKEN))


def confirm(state: State, step: CheckDetails, world: World) -> Move:
    """Identity, service and fee are right: the order begins, durably, and is to be paid."""
    patient = state.session.patient
    doctor = world.catalogue.doctors.get(step.back.doctor)
    if patient is None:
        return stay(state)
    reason = why_not_register(world, needs_card=False)
    if reason not in (Reason.NONE, Reason.NO_SLOTS):
        return stay(note(state, reason, Service.REGISTER_TODAY))
    # The lease may have been renewed while the patient was reading: the slot is what counts.
    offered = {lease.slot_id: lease for lease in leases_of(world, step.back.doctor)}
    lease = offered.get(step.lease.slot_id)
    if doctor is None or lease is None:
        return slot_lost(state)
    fact = RegistrationConfirmed(
        order_id=world.fresh.order,
        patient=patient.identity,
        department_code=doctor.department_code,
        doctor_code=doctor.code,
        slot_id=lease.slot_id,
        slot_number=lease.number,
        slot_start=lease.start,
        slot_end=lease.end,
        lease_id=lease.lease_id,
        fencing=lease.fencing,
        fee_fen=doctor.fee_fen,
    )
    state, recording = record(state, world, fact)
    state, settling = settle(go(state, Pay()), world)
    return state, (*recording, *settling)


def slot_lost(state: State) -> Move:
    """The slot is gone: back to the doctor's other slots, and say why."""
    step = state.session.step
    if not isinstance(step, CheckDetails):
        return stay(state)
    return stay(note(go(state, step.back), Reason.SLOT_TAKEN))
