"""Who is there: the resident identity card, on the home screen or when a service asks for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from devices.messages import CardRead, IdentityCard
from firmware.core.book import Book
from firmware.core.moves import Move, go, note, stay
from firmware.core.state import FindDepartment, Home, Identify, LeftCard, Patient, State
from firmware.core.world import World
from firmware.messages.views import IdentifyState, Reason
from store_forward.contract.facts import ClockTrust, PatientIdentity

RESIDENT_ID_CARD = "resident_id_card"

LEFT_CARD_SECONDS = 600.0
"""How long a card left on the reader is not taken for the next patient's, if its removal was
never seen (the reader may have restarted meanwhile)."""


def wants_card(state: State) -> bool:
    """Whether the reader should be looking: for a patient, or for a card to be taken away."""
    session = state.session
    needs_patient = isinstance(session.step, Home | Identify) and session.patient is None
    return needs_patient or state.card is not None


def card_read(state: State, event: CardRead, world: World) -> Move:
    """A card was read: greet its owner if anybody was asked for."""
    key = state.book.patient_key(event.card.id_number)
    left = state.left_card
    if left is not None and left.patient_key == key and world.now < left.until:
        return stay(state)
    state = replace(state, card=key, left_card=None)
    session = state.session
    if session.patient is not None or not isinstance(session.step, Home | Identify):
        return stay(state)
    if _has_expired(event.card, world):
        return stay(_refuse(state, Reason.CARD_EXPIRED))
    patient = Patient(_identity(event.card, state.book, world), key)
    state = replace(state, session=replace(session, patient=patient))
    if isinstance(session.step, Identify):
        return stay(go(state, FindDepartment()))
    return stay(go(state, Home()))


def card_unreadable(state: State) -> Move:
    """A card was seen and could not be read."""
    if state.session.patient is not None:
        return stay(state)
    return stay(_refuse(state, Reason.CARD_UNREADABLE))


def card_removed(state: State) -> Move:
    """The card left the reader."""
    return stay(replace(state, card=None, left_card=None))


def leave_card(state: State, world: World) -> State:
    """Remember at the end of a session that its card still lies on the reader."""
    if state.card is None:
        return state
    return replace(state, left_card=LeftCard(state.card, world.now + LEFT_CARD_SECONDS))


def _refuse(state: State, reason: Reason) -> State:
    match state.session.step:
        case Identify():
            return go(state, Identify(IdentifyState.UNREADABLE, reason))
        case Home():
            return note(state, reason)
        case _:
            return state


def _has_expired(card: IdentityCard, world: World) -> bool:
    if card.valid_until is None or world.clock is ClockTrust.INVALID:
        return False
    return date.fromisoformat(card.valid_until) < world.today


def _identity(card: IdentityCard, book: Book, world: World) -> PatientIdentity:
    number = book.provisional + 1
    return PatientIdentity(
        name=card.name,
        id_type=RESIDENT_ID_CARD,
        id_number=card.id_number,
        sex=card.sex,
        birth_date=card.birth_date,
        provisional_number=f"{world.profile.prefix}-P{number:06d}",
        verified=True,
    )
