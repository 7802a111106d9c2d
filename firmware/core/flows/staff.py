"""Staff at the screen: their code, then what needs a person. Nothing is recorded or changed."""

from __future__ import annotations

from dataclasses import replace

from firmware.core.moves import end_session, go
from firmware.core.staff_code import is_code
from firmware.core.state import Attract, Home, StaffCode, StaffMatters, State, Tries
from firmware.core.world import World
from firmware.messages.intents import EnterStaffCode

TRIES = 5
"""Wrong codes in a row after which none is looked at for a while."""

LOCKED_SECONDS = 300.0


def offers_staff(state: State, world: World) -> bool:
    """Whether staff may come in now: not while somebody is being served."""
    is_free = isinstance(state.session.step, Attract | Home) and state.book.order is None
    return world.profile.staff_code != "" and is_free


def open_staff(state: State, world: World) -> State:
    """Ask for the code. Whoever was at the home screen has gone."""
    if not offers_staff(state, world):
        return state
    look = state.session.look
    state = end_session(state, world)
    return go(replace(state, session=replace(state.session, look=look)), StaffCode())


def enter_code(state: State, intent: EnterStaffCode, world: World) -> State:
    """Let in whoever has the code; after some wrong ones nobody for a while."""
    if not isinstance(state.session.step, StaffCode) or is_locked(state, world):
        return state
    if is_code(intent.code, world.profile.staff_code):
        return go(replace(state, tries=Tries()), StaffMatters())
    wrong = state.tries.wrong + 1
    tries = Tries(wrong)
    if wrong >= TRIES:
        tries = Tries(0, world.now + LOCKED_SECONDS)
    return go(replace(state, tries=tries), StaffCode(was_wrong=True))


def is_locked(state: State, world: World) -> bool:
    """Whether no code is looked at now."""
    return world.now < state.tries.locked_until
