"""Who is there: the resident identity card, on the home screen or when a service asks for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from devices.messages import CardRead, IdentityCard
from firmware.core.book import Book
from firmware.core.left_cards import is_left
from firmware.core.moves import Move, end_session, go, note, stay
from firmware.core.state import (
    Attract,
    Ended,
    FindDepartment,
    Home,
    Identify,
    Patient,
    Pay,
    StaffCode,
    StaffMatters,
    StaffStep,
    State,
)
from firmware.core.world import World
from firmware.messages.views import IdentifyState, Reason
from store_forward.contract.facts import ClockTrust, PatientIdentity

RESIDENT_ID_CARD = "resident_id_card"


def wants_card(state: State) -> bool:
    """Whether the reader should be looking: for a patient, for somebody else's card before the
    order is confirmed, or for a card to be taken away."""
    match state.session.step:
        case Attract() | StaffCode() | StaffMatters():
            return state.card is not None
        case Pay() | Ended():
            return state.card is not None or state.left_card is not None
        case _:
            return True


def card_read(state: State, event: CardRead, world: World) -> Move:
    """A card was read: greet its owner, unless it was left behind or an order is open.

    Until the confirmation somebody else's card ends the session: whoever laid it stands here now,
    and must not go on under the name of one who has left. Afterwards the order must end first.
    """
    key = state.book.patient_key(event.card.id_number)
    if is_left(state, key, world):
        return stay(replace(state, card=key))
    if isinstance(state.session.step, Attract | Pay | Ended | StaffStep):
        # Greets nobody and is not kept: the reader tells of it again once it is asked for cards.
        own = key if key == _owner(state) else None
        return stay(replace(state, card=own, left_card=None))
    if _owner(state) not in (None, key):
        state = go(end_session(replace(state, card=None), world), Home())
    state = replace(state, card=key, left_card=None)
    session = state.session
    if session.patient is not None:
        return stay(state)
    if _has_expired(event.card, world):
        return stay(_refuse(state, Reason.CARD_EXPIRED))
    patient = Patient(_identity(event.card, state.book, world), key)
    state = replace(state, session=replace(session, patient=patient))
    if isinstance(session.step, Identify):
        return stay(go(state, FindDepartment()))
    return stay(go(state, Home()))


def _owner(state: State) -> str | None:
    """Key of the patient whose session this is, None while nobody is known."""
    if state.session.patient is not None:
        return state.session.patient.key
    return state.book.order.patient_key if state.book.order is not None else None


def card_unreadable(state: State) -> Move:
    """A card was seen and could not be read."""
    if state.session.patient is not None:
        return stay(state)
    return stay(_refuse(state, Reason.CARD_UNREADABLE))


def card_removed(state: State) -> Move:
    """The card left the reader."""
    return stay(replace(state, card=None, left_card=None))


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
