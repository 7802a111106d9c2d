"""The small words flows are written in: a move is a new state and the effects that go with it."""

from __future__ import annotations

from dataclasses import replace

from firmware.core.book import apply
from firmware.core.effects import Effect, Record
from firmware.core.left_cards import leave_card
from firmware.core.slip_codes import make_slip_code
from firmware.core.state import Session, State, Step, fresh_session
from firmware.core.world import World
from firmware.messages.views import Notice, Reason, Service
from store_forward.contract.facts import Fact

Move = tuple[State, tuple[Effect, ...]]


def stay(state: State) -> Move:
    """Nothing changes, nothing is done."""
    return state, ()


def go(state: State, step: Step) -> State:
    """Return the state with the session at another step; a notice belongs to the step before."""
    return replace(state, session=replace(state.session, step=step, notice=None))


def note(state: State, reason: Reason, service: Service | None = None) -> State:
    """Return the state with a message over the body."""
    return replace(state, session=replace(state.session, notice=Notice(reason, service)))


def record(state: State, world: World, *facts: Fact) -> Move:
    """Record facts: the book changes as the journal will."""
    book = state.book
    for fact in facts:
        book = apply(book, fact, world.today.isoformat())
    return replace(state, book=book), (Record(facts),)


def next_slip_code(state: State, world: World) -> str:
    """Return the code for this kiosk's next slip."""
    return make_slip_code(world.profile.prefix, world.today, state.book.serial + 1)


def end_session(state: State, world: World) -> State:
    """Return the state with everything of the patient gone, the session and the latest order; a
    card left behind is remembered."""
    state = leave_card(state, world)
    return replace(state, book=state.book.let_go(), session=new_session(world))


def new_session(world: World) -> Session:
    """A session nobody has begun."""
    return fresh_session(world.profile.default_language, world.now)
