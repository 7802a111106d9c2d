"""Paying in cash: escrow is durable before a note is stacked, credit follows the stacker's word."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from devices.messages import (
    DeviceKind,
    NoteInEscrow,
    NoteLocated,
    NoteOutcome,
    NoteRejected,
    NoteReturned,
    NoteStacked,
    QueryNote,
    RefusalReason,
    ReturnNote,
    StackNote,
)
from firmware.core.book import Fate, Note, Order
from firmware.core.effects import Tell
from firmware.core.flows.slip import print_slip
from firmware.core.moves import Move, end_session, go, next_slip_code, record, stay
from firmware.core.state import Asking, Ended, Pay, State
from firmware.core.unnamed_notes import (
    CannotSay,
    EndOf,
    ToldBefore,
    Unasked,
    whose_return,
    whose_stacking,
)
from firmware.core.world import World
from firmware.messages.views import NoteState
from store_forward.contract.facts import (
    CaseOpened,
    NoteCredited,
    NoteEscrowed,
    NoteGivenBack,
    RegistrationCancelled,
    RegistrationPaid,
)

STACKING_SECONDS = 15.0
"""A note that has not ended by then is asked for. Stacking takes about a second."""

QUERY_EVERY_SECONDS = 5.0

UNKNOWN_PATIENCE_SECONDS = 30.0
"""How long "not known" is not yet the last word: a restarted acceptor may still tell."""

SILENCE_PATIENCE_SECONDS = 90.0
"""How long no answer at all is waited for before a person must look."""

MOVING_SECONDS = 30.0
"""A note being drawn in holds the time-out up for at most this long."""


def paying(state: State) -> tuple[Pay, Order] | None:
    """The payment under way and its order, None when there is none."""
    step, order = state.session.step, state.book.order
    if isinstance(step, Pay) and order is not None and order.is_open:
        return step, order
    return None


def takes_notes(state: State) -> bool:
    """Whether the acceptor should be drawing notes in."""
    payment = paying(state)
    return payment is not None and payment[0].cancel_reason is None


# --- notes --------------------------------------------------------------------------------------


def note_in_escrow(state: State, event: NoteInEscrow, world: World) -> Move:
    """Decide about a note in escrow: durable first, then stacked; or given back."""
    give_back = Tell(ReturnNote(event.device, event.note_id))
    known = state.book.notes.get(event.note_id)
    if known is not None and known.fate in (Fate.CREDITED, Fate.GIVEN_BACK):
        return stay(state)  # an old message; the note has long had its end
    payment = paying(state)
    if payment is None or (known is not None and known.fate is Fate.IN_CASE):
        return state, (give_back,)
    step, order = payment
    if known is not None:
        wanted = known.order_id == order.order_id and not _is_cancelling(step)
        return state, (Tell(StackNote(event.device, event.note_id)) if wanted else give_back,)
    if _is_cancelling(step) or state.book.undecided(order.order_id) is not None:
        return go(state, _moved(step, NoteState.RETURNED, event.amount_fen)), (give_back,)
    over_fen = order.credited_fen + event.amount_fen - order.fee_fen
    if over_fen > world.profile.limits.largest_note_over_due_fen:
        refused = _moved(step, NoteState.RETURNED, event.amount_fen)
        refusal = RefusalReason.LIMIT_OVER_AMOUNT.value
        return go(state, replace(refused, refusal=refusal)), (give_back,)
    state, recording = record(
        state, world, NoteEscrowed(order.order_id, event.note_id, event.amount_fen)
    )
    asking = Asking(event.note_id, world.now, world.now + STACKING_SECONDS)
    step = replace(_moved(step, NoteState.STACKING, event.amount_fen), asking=asking)
    return go(state, step), (*recording, Tell(StackNote(event.device, event.note_id)))


def note_stacked(state: State, event: NoteStacked, delivery: str, world: World) -> Move:
    """The note is in the cassette: credit it, once, to the order it was escrowed for."""
    if event.note_id is None:
        return _unnamed_stacked(state, event, delivery, world)
    known = state.book.notes.get(event.note_id)
    if known is None:
        return _credit_to_nobody(state, event.note_id, event.amount_fen, world)
    return stay(state) if known.fate is Fate.CREDITED else _credit(state, known, "", world)


def _unnamed_stacked(state: State, event: NoteStacked, delivery: str, world: World) -> Move:
    match whose_stacking(state.book, event, delivery):
        case EndOf(note=note):
            return _credit(state, note, delivery, world)
        case ToldBefore():
            return stay(state)
        case Unasked(note_id=note_id):
            return _credit_to_nobody(state, note_id, event.amount_fen, world)
        case CannotSay():
            return _ask_staff(state, event.amount_fen, delivery, world)
        case decision:
            assert_never(decision)


def _credit(state: State, known: Note, unnamed: str, world: World) -> Move:
    """Credit a note of the journal. ``unnamed`` is the message that did not name it."""
    if known.order_id is None:
        return _credit_to_nobody(state, known.note_id, known.amount_fen, world)
    state, recording = record(
        state, world, NoteCredited(known.order_id, known.note_id, known.amount_fen, unnamed)
    )
    payment = paying(state)
    if payment is None or payment[1].order_id != known.order_id:
        if known.fate is Fate.IN_CASE:
            return state, recording  # a person is already looking into it
        return _after((state, recording), _late_case(state, known, world))
    step = _moved(payment[0], NoteState.CREDITED, known.amount_fen)
    state = go(state, _no_longer_asking(step, known.note_id))
    return _after((state, recording), settle(state, world))


def note_returned(state: State, event: NoteReturned, world: World) -> Move:
    """The note is back in the patient's hand: nothing to credit."""
    if event.note_id is None:
        known = whose_return(state.book, event)
    else:
        known = state.book.notes.get(event.note_id)
    recording: Move = stay(state)
    if (
        known is not None
        and known.order_id is not None
        and known.fate in (Fate.ESCROWED, Fate.IN_CASE)
    ):
        recording = record(
            state, world, NoteGivenBack(known.order_id, known.note_id, known.amount_fen)
        )
    state, effects = recording
    payment = paying(state)
    if payment is None:
        return state, effects
    step = payment[0]
    if step.note is not NoteState.RETURNED:
        step = _moved(step, NoteState.RETURNED, event.amount_fen)
    if known is not None:
        step = _no_longer_asking(step, known.note_id)
    state = go(state, replace(step, moving_since=None))
    return _after((state, effects), settle(state, world))


def note_rejected(state: State, event: NoteRejected) -> Move:
    """The acceptor refused a note before escrow."""
    payment = paying(state)
    if payment is None:
        return stay(state)
    step = _moved(payment[0], NoteState.REJECTED, 0)
    return stay(go(state, replace(step, refusal=event.reason.value)))


def note_accepting(state: State, world: World) -> Move:
    """A note is being drawn in."""
    payment = paying(state)
    if payment is None:
        return stay(state)
    step = _moved(payment[0], NoteState.ACCEPTING, 0)
    return stay(go(state, replace(step, moving_since=world.now)))


def note_located(state: State, event: NoteLocated, delivery: str, world: World) -> Move:
    """Answer to a question about a note whose end is not known."""
    known = state.book.notes.get(event.note_id)
    if known is None or known.fate in (Fate.CREDITED, Fate.GIVEN_BACK):
        return stay(state)
    match event.outcome:
        case NoteOutcome.STACKED:
            found = NoteStacked(event.device, event.note_id, known.amount_fen)
            return note_stacked(state, found, delivery, world)
        case NoteOutcome.RETURNED:
            back = NoteReturned(event.device, event.note_id, known.amount_fen)
            return note_returned(state, back, world)
        case NoteOutcome.IN_ESCROW:
            waiting = NoteInEscrow(event.device, event.note_id, known.amount_fen)
            return note_in_escrow(state, waiting, world)
        case NoteOutcome.UNKNOWN:
            payment = paying(state)
            if payment is None or payment[0].asking is None:
                return stay(state)
            step, asking = payment[0], payment[0].asking
            return stay(go(state, replace(step, asking=replace(asking, unknown=True))))


# --- the end of a payment -----------------------------------------------------------------------


def settle(state: State, world: World) -> Move:
    """End the payment if it can end: nothing undecided, and paid or to be cancelled."""
    payment = paying(state)
    if payment is None or state.book.undecided(payment[1].order_id) is not None:
        return stay(state)
    step, order = payment
    if step.cancel_reason is not None:
        return _cancel(state, order, step.cancel_reason, world)
    if order.credited_fen < order.fee_fen:
        return stay(state)
    paid = RegistrationPaid(
        order_id=order.order_id,
        fee_fen=order.fee_fen,
        collected_fen=order.credited_fen,
        excess_fen=order.credited_fen - order.fee_fen,
        slip_code=next_slip_code(state, world),
    )
    return _end_with_slip(record(state, world, paid), world)


def cancel(state: State, reason: str, world: World) -> Move:
    """Cancel the open order as soon as no note is undecided."""
    payment = paying(state)
    if payment is None or payment[0].cancel_reason is not None:
        return stay(state)
    step = replace(payment[0], cancel_reason=reason, asks_cancel=False)
    return settle(go(state, step), world)


def expire(state: State, world: World) -> Move:
    """Nobody is there any more: cancel, and leave no screen behind that needs nobody."""
    state, effects = cancel(state, "timeout", world)
    order = state.book.order
    if order is not None and not order.is_open and order.slip_code is None:
        return end_session(state, world), effects
    return state, effects


def watch_note(state: State, world: World) -> Move:
    """Ask for a note that does not end; after long enough, open a case."""
    payment = paying(state)
    if payment is None:
        return stay(state)
    step, order = payment
    asking, note = step.asking, state.book.undecided(order.order_id)
    if asking is None or note is None:
        return stay(state)
    waited = world.now - asking.since
    if waited >= SILENCE_PATIENCE_SECONDS or (
        asking.unknown and waited >= UNKNOWN_PATIENCE_SECONDS
    ):
        return _give_up(state, order, note.amount_fen, world)
    if world.now < asking.next_query:
        return stay(state)
    return ask_for_note(state, world)


def ask_for_note(state: State, world: World) -> Move:
    """Ask the devices where the undecided note is."""
    payment = paying(state)
    acceptor = world.device_name(DeviceKind.CASH_ACCEPTOR)
    if payment is None or payment[0].asking is None or acceptor is None:
        return stay(state)
    step, asking = payment[0], payment[0].asking
    asked = replace(asking, next_query=world.now + QUERY_EVERY_SECONDS)
    if not world.devices_connected:
        return stay(go(state, replace(step, asking=asked)))
    return go(state, replace(step, asking=asked)), (Tell(QueryNote(acceptor, asking.note_id)),)


def _cancel(state: State, order: Order, reason: str, world: World) -> Move:
    owed_fen = order.credited_fen
    slip_code = next_slip_code(state, world) if owed_fen else None
    fact = RegistrationCancelled(order.order_id, reason, owed_fen, slip_code)
    return _end_with_slip(record(state, world, fact), world)


def _give_up(state: State, order: Order, uncertain_fen: int, world: World) -> Move:
    """Nobody knows where a note is: the order ends, a person looks (M11)."""
    code = next_slip_code(state, world)
    case = CaseOpened(world.fresh.case, order.order_id, "note_uncertain", uncertain_fen, code)
    gone = RegistrationCancelled(order.order_id, "note_uncertain", order.credited_fen, code)
    return _end_with_slip(record(state, world, case, gone), world)


def _end_with_slip(ending: Move, world: World) -> Move:
    state, recording = ending
    state, printing = print_slip(go(state, Ended(offline=not world.online)), world)
    return state, (*recording, *printing)


def _credit_to_nobody(state: State, note_id: str, amount_fen: int, world: World) -> Move:
    """Money without an order: credited to nobody, and a person looks whose it is."""
    code = next_slip_code(state, world)
    credit = NoteCredited(None, note_id, amount_fen)
    case = CaseOpened(world.fresh.case, None, "note_without_order", amount_fen, code)
    return record(state, world, credit, case)


def _ask_staff(state: State, amount_fen: int, delivery: str, world: World) -> Move:
    """Nobody here can say whether this money is credited: a person looks, nothing is credited."""
    code = next_slip_code(state, world)
    reason = "note_perhaps_credited"
    return record(
        state, world, CaseOpened(world.fresh.case, None, reason, amount_fen, code, delivery)
    )


def _late_case(state: State, known: Note, world: World) -> Move:
    """A note was stacked although its order had ended without it."""
    code = next_slip_code(state, world)
    case = CaseOpened(world.fresh.case, known.order_id, "note_stacked_late", known.amount_fen, code)
    opening = record(state, world, case)
    order = opening[0].book.order
    if order is None or order.paid is not None or order.print_job is not None:
        return opening
    return _after(opening, print_slip(opening[0], world))


def _after(first: Move, second: Move) -> Move:
    """Join two moves; the second was made from the state of the first."""
    return second[0], (*first[1], *second[1])


def _is_cancelling(step: Pay) -> bool:
    return step.asks_cancel or step.cancel_reason is not None


def _moved(step: Pay, note: NoteState, amount_fen: int) -> Pay:
    return replace(step, note=note, last_note_fen=amount_fen, refusal="", moving_since=None)


def _no_longer_asking(step: Pay, note_id: str) -> Pay:
    is_this = step.asking is not None and step.asking.note_id == note_id
    return replace(step, asking=None) if is_this else step
