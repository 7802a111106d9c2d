"""The session: one pure step from an event to a new state and the effects that go with it."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from devices.messages import (
    CardRead,
    CardRemoved,
    CardUnreadable,
    DeviceStatus,
    EndCashIn,
    NoteAccepting,
    NoteInEscrow,
    NoteLocated,
    NoteRejected,
    NoteReturned,
    NoteStacked,
    PrintFinished,
    ReturnNote,
)
from devices.messages import DeviceKind as Kind
from firmware.core.effects import Effect, Tell, in_order
from firmware.core.events import (
    DevicesCaughtUp,
    DevicesLost,
    Happening,
    Heard,
    JournalFailed,
    SlotLost,
    Started,
    Ticked,
    Touched,
    WorldChanged,
)
from firmware.core.flows.identify import (
    card_read,
    card_removed,
    card_unreadable,
)
from firmware.core.flows.pay_cash import (
    ask_for_note,
    note_accepting,
    note_in_escrow,
    note_located,
    note_rejected,
    note_returned,
    note_stacked,
    settle,
)
from firmware.core.flows.register_today import slot_lost
from firmware.core.flows.slip import print_finished, print_slip
from firmware.core.idle import hold_time, let_time_pass
from firmware.core.left_cards import leave_card
from firmware.core.modes import mode_changes
from firmware.core.moves import Move, end_session, record, stay
from firmware.core.state import Ended, OutOfService, State
from firmware.core.touches import touched
from firmware.core.world import World
from firmware.messages.views import Reason
from store_forward.contract.facts import KioskStarted

STORE_FAILED_CODE = "STORE-1"
"""What staff look up: facts could not be made durable."""


def step(state: State, event: Happening, world: World) -> tuple[State, tuple[Effect, ...]]:
    """Return the new state and what is to be done. Facts are recorded before anything else."""
    after, effects = _react(state, event, world)
    after = hold_time(state, after, event, world)
    return after, in_order((*effects, *mode_changes(state, after, event, world)))


def _react(state: State, event: Happening, world: World) -> Move:
    match event:
        case Started():
            return _started(state, event, world)
        case Touched():
            return touched(state, event.intent, world, stale=event.stale)
        case Heard():
            return _heard(state, event, world)
        case DevicesCaughtUp():
            return _devices_caught_up(state, world)
        case Ticked():
            return let_time_pass(state, world)
        case SlotLost():
            return slot_lost(state)
        case JournalFailed():
            return _journal_failed(state, event, world)
        case DevicesLost():
            return stay(replace(leave_card(state, world), card=None))
        case WorldChanged():
            return stay(state)
        case _:
            assert_never(event)


def _started(state: State, event: Started, world: World) -> Move:
    order = state.book.order
    recovered = order.order_id if order is not None and order.is_open else None
    state, recording = record(state, world, KioskStarted(event.software, recovered))
    state, settling = settle(state, world)
    return state, (*recording, *settling)


def _heard(state: State, heard: Heard, world: World) -> Move:
    event = heard.event
    match event:
        case DeviceStatus():
            return stay(state)  # it is in the world already
        case CardRead():
            return card_read(state, event, world)
        case CardUnreadable():
            return card_unreadable(state)
        case CardRemoved():
            return card_removed(state)
        case NoteAccepting():
            return note_accepting(state, world)
        case NoteInEscrow():
            return note_in_escrow(state, event, world)
        case NoteStacked():
            return note_stacked(state, event, heard.delivery, world)
        case NoteReturned():
            return note_returned(state, event, world)
        case NoteRejected():
            return note_rejected(state, event)
        case NoteLocated():
            return note_located(state, event, heard.delivery, world)
        case PrintFinished():
            return print_finished(state, event, world)
        case _:
            assert_never(event)


def _devices_caught_up(state: State, world: World) -> Move:
    """Everything kept has been told: ask for what is still open, print what waited."""
    state, asking = ask_for_note(state, world)
    order = state.book.order
    if isinstance(state.session.step, Ended) and order is not None and order.print_job is None:
        state, printing = print_slip(state, world)
        return state, (*asking, *printing)
    return state, asking


def _journal_failed(state: State, failure: JournalFailed, world: World) -> Move:
    """Nothing can be promised any more: give back what can be given back, and say so.

    What the journal holds is read again before anybody is served (see ``Runner.recover``).
    """
    effects: tuple[Effect, ...] = ()
    during = failure.during
    if isinstance(during, Heard) and isinstance(during.event, NoteInEscrow):
        effects = (Tell(ReturnNote(during.event.device, during.event.note_id)),)
    acceptor = world.device_name(Kind.CASH_ACCEPTOR)
    if acceptor is not None:
        effects = (*effects, Tell(EndCashIn(acceptor)))
    return out_of_service(end_session(state, world)), effects


def out_of_service(state: State) -> State:
    """Return the state in which nobody is served because facts cannot be made durable."""
    return replace(state, out_of_service=OutOfService(Reason.STORE_FAILED, STORE_FAILED_CODE))
