"""Printing the slip an order ends with: journalled before it starts, never silently twice."""

from __future__ import annotations

from dataclasses import replace

from devices.messages import DeviceKind, PrintFinished, PrintOutcome
from firmware.core.effects import Print
from firmware.core.gates import why_not_at_work
from firmware.core.moves import Move, go, note, record, stay
from firmware.core.paper import slip_of
from firmware.core.state import Ended, State
from firmware.core.world import World
from firmware.messages.views import Reason, SlipState
from store_forward.contract.facts import SlipPrintEnded, SlipPrintStarted

PRINT_PATIENCE_SECONDS = 60.0
"""Longer than the devices process holds a job for a printer that comes back (15 s)."""


def print_slip(state: State, world: World) -> Move:
    """Start printing the latest order's slip, if it has one and a printer can be told.

    Without a connection to the devices nothing is started: the slip is then honestly not printed
    and can be asked for later.
    """
    order = state.book.order
    step = state.session.step
    printer = world.device_name(DeviceKind.RECEIPT_PRINTER)
    if order is None or not isinstance(step, Ended):
        return stay(state)
    copy = 0 if order.print_job is None else order.print_job.copy + 1
    slip = slip_of(order, world, copy=copy, offline=step.offline)
    if slip is None or printer is None or not world.devices_connected:
        return stay(state)
    job_id = world.fresh.job
    state, recording = record(
        state, world, SlipPrintStarted(order.order_id, job_id, slip.head.slip_code, copy)
    )
    state = go(state, replace(step, print_until=world.now + PRINT_PATIENCE_SECONDS))
    return state, (*recording, Print(printer, job_id, slip))


def reprint(state: State, world: World) -> Move:
    """The patient asks for the slip again (补打)."""
    if slip_state(state, world) not in (SlipState.UNCERTAIN, SlipState.NOT_PRINTED):
        return stay(state)
    reason = why_not_at_work(world, DeviceKind.RECEIPT_PRINTER)
    if reason is not Reason.NONE:
        return stay(note(state, reason))
    return print_slip(state, world)


def print_finished(state: State, event: PrintFinished, world: World) -> Move:
    """The printer's word on a job: recorded once, whoever is at the screen by now."""
    job = state.book.jobs.get(event.job_id)
    if job is None or job.outcome is not None:
        return stay(state)
    return record(state, world, SlipPrintEnded(job.order_id, job.job_id, event.outcome.value))


def slip_state(state: State, world: World) -> SlipState | None:
    """What is known of the latest order's slip; None when the order leaves no paper."""
    order, step = state.book.order, state.session.step
    if order is None or order.slip_code is None or not isinstance(step, Ended):
        return None
    job = order.print_job
    if job is None:
        return SlipState.NOT_PRINTED
    match job.outcome:
        case PrintOutcome.COMPLETED:
            return SlipState.PRINTED
        case PrintOutcome.FAILED:
            return SlipState.NOT_PRINTED
        case PrintOutcome.UNKNOWN:
            return SlipState.UNCERTAIN
        case None:
            is_awaited = step.print_until is not None and world.now < step.print_until
            return SlipState.PRINTING if is_awaited else SlipState.UNCERTAIN
