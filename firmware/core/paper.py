"""Turns an ended order into the words of its slip."""

from __future__ import annotations

from firmware.core.book import Order
from firmware.core.labels import department_of, doctor_of, hhmm, location_of
from firmware.core.slips import CaseSlip, RefundSlip, RegistrationSlip, Slip, SlipHead
from firmware.core.world import World
from store_forward.contract.facts import ClockTrust


def slip_of(order: Order, world: World, *, copy: int, offline: bool) -> Slip | None:
    """Return the slip an order ends with; None for an order that leaves no paper."""
    if order.slip_code is None:
        return None
    head = SlipHead(
        clinic=world.profile.clinic.zh,
        kiosk=world.profile.kiosk,
        printed_at=f"{world.local(world.wall):%Y-%m-%d %H:%M}",
        clock_trusted=world.clock is ClockTrust.SYNCHRONISED,
        copy=copy,
        slip_code=order.slip_code,
        order_id=order.order_id,
        patient_name=order.patient_name,
        id_number=order.id_number,
        verified=order.verified,
    )
    if order.paid is not None:
        doctor = doctor_of(world, order.doctor_code)
        return RegistrationSlip(
            head=head,
            department=department_of(world, order.department_code).name.zh,
            doctor=doctor.name.zh,
            title=doctor.title.zh,
            location=location_of(world, order.department_code, order.doctor_code).zh,
            day=f"{world.today:%m-%d}",
            number=order.slot_number,
            start=hhmm(order.slot_start),
            end=hhmm(order.slot_end),
            fee_fen=order.paid.fee_fen,
            paid_fen=order.paid.collected_fen,
            excess_fen=order.paid.excess_fen,
            provisional=offline,
        )
    owed_fen = order.cancelled.owed_fen if order.cancelled is not None else 0
    if order.case is not None:
        return CaseSlip(head=head, uncertain_fen=order.case.amount_fen, owed_fen=owed_fen)
    return RefundSlip(head=head, owed_fen=owed_fen)
