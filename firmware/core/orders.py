"""The screens about one registration: its details, its payment, its end."""

from __future__ import annotations

from devices.messages import DeviceKind
from firmware.core.book import Order
from firmware.core.flows.slip import slip_state
from firmware.core.gates import why_not_at_work
from firmware.core.labels import department_of, doctor_of, hhmm, location_of
from firmware.core.state import CheckDetails, Ended, Pay, State
from firmware.core.world import World
from firmware.messages.views import (
    CancelledView,
    CaseView,
    ConfirmView,
    DoneView,
    NoteState,
    PayView,
    Reason,
    SlipState,
)


def check_view(state: State, step: CheckDetails, world: World) -> ConfirmView:
    """Identity, service and fee, before anything is recorded."""
    patient = state.session.patient
    department_code = step.back.back.department
    doctor = doctor_of(world, step.back.doctor)
    known = world.catalogue.doctors.get(step.back.doctor)
    return ConfirmView(
        patient_name="" if patient is None else patient.masked_name,
        id_number="" if patient is None else patient.masked_id,
        verified=patient is not None and patient.identity.verified,
        department=department_of(world, department_code).name,
        doctor=doctor.name,
        title=doctor.title,
        location=location_of(world, department_code, step.back.doctor),
        number=step.lease.number,
        start=hhmm(step.lease.start),
        end=hhmm(step.lease.end),
        fee_fen=0 if known is None else known.fee_fen,
        provisional=not world.online,
    )


def pay_view(order: Order, step: Pay, world: World) -> PayView:
    """The payment: what is due, what is in the cassette, what the acceptor is doing."""
    over_fen = world.profile.limits.largest_note_over_due_fen
    due_fen = order.fee_fen - order.credited_fen
    accepted = tuple(fen for fen in world.profile.limits.accept_fen if fen - due_fen <= over_fen)
    return PayView(
        due_fen=order.fee_fen,
        collected_fen=order.credited_fen,
        accepted_fen=accepted,
        note=_note_state(step, world),
        last_note_fen=step.last_note_fen,
        refusal=step.refusal,
        asks_cancel=step.asks_cancel,
        recovered=step.recovered,
    )


def ended_view(state: State, order: Order, world: World) -> DoneView | CancelledView | CaseView:
    """How the order ended, and honestly what is known of its slip."""
    slip = slip_state(state, world)
    step = state.session.step
    if order.paid is not None:
        doctor = doctor_of(world, order.doctor_code)
        return DoneView(
            number=order.slot_number,
            department=department_of(world, order.department_code).name,
            doctor=doctor.name,
            location=location_of(world, order.department_code, order.doctor_code),
            start=hhmm(order.slot_start),
            end=hhmm(order.slot_end),
            slip=slip or SlipState.NOT_PRINTED,
            slip_code=order.paid.slip_code,
            paid_fen=order.paid.collected_fen,
            excess_fen=order.paid.excess_fen,
            provisional=isinstance(step, Ended) and step.offline,
            card_present=state.card is not None,
        )
    owed_fen = order.cancelled.owed_fen if order.cancelled is not None else 0
    if order.case is not None:
        return CaseView(
            case_code=order.slip_code or order.case.slip_code,
            amount_fen=order.case.amount_fen + owed_fen,
            slip=slip or SlipState.NOT_PRINTED,
        )
    return CancelledView(owed_fen=owed_fen, slip=slip, slip_code=order.slip_code)


def _note_state(step: Pay, world: World) -> NoteState:
    match why_not_at_work(world, DeviceKind.CASH_ACCEPTOR):
        case Reason.NONE:
            return step.note
        case Reason.STARTING:
            return NoteState.STARTING
        case _:
            return NoteState.INTERRUPTED
