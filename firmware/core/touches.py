"""What a touch means at each step."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from firmware.core.flows import register_today as registering
from firmware.core.flows.pay_cash import cancel, paying
from firmware.core.flows.slip import reprint
from firmware.core.flows.staff import enter_code, open_staff
from firmware.core.gates import tile
from firmware.core.moves import Move, end_session, go, note, stay
from firmware.core.state import (
    Attract,
    CheckDetails,
    Ended,
    FindDepartment,
    FindDoctor,
    Home,
    Identify,
    Look,
    Pay,
    PickSlot,
    StaffCode,
    StaffMatters,
    StaffStep,
    State,
)
from firmware.core.world import World
from firmware.messages import intents as i
from firmware.messages.views import Service, TileState

COMMITTING = (i.Confirm, i.ReallyCancel, i.ChooseSlot, i.Reprint, i.EnterStaffCode)
"""Intents that a double or late tap must not repeat on another view. Finish is not among them: it
only ends what has ended, and a card lifted in the same moment must not swallow it."""

FRAME_INTENTS = (
    i.OpenHelp
    | i.CloseHelp
    | i.CallStaff
    | i.DismissNotice
    | i.SetLanguage
    | i.SetSize
    | i.SetContrast
    | i.SetReach
)


def touched(state: State, intent: i.Intent, world: World, *, stale: bool) -> Move:
    """React to one intent; one that makes no sense at this step changes nothing."""
    if stale and isinstance(intent, COMMITTING):
        return stay(state)
    if isinstance(intent, FRAME_INTENTS):
        return stay(_frame(state, intent, world))
    is_staffs = isinstance(state.session.step, StaffStep) or isinstance(intent, i.OpenStaff)
    if state.out_of_service is not None and not is_staffs:
        return stay(state)
    match intent:
        case i.Activity() | i.ExtendTime():
            return stay(state)
        case i.Wake():
            asleep = isinstance(state.session.step, Attract)
            return stay(go(state, Home()) if asleep else state)
        case i.GoHome():
            return _go_home(state, world)
        case i.GoBack():
            return _go_back(state, world)
        case i.ChooseService():
            return _choose_service(state, intent.service, world)
        case i.CancelPayment() | i.ReallyCancel() | i.KeepPaying():
            return _cancelling(state, intent, world)
        case i.Reprint():
            return reprint(state, world)
        case i.OpenStaff():
            return stay(open_staff(state, world))
        case i.EnterStaffCode():
            return stay(enter_code(state, intent, world))
        case i.Finish():
            return stay(
                end_session(state, world) if isinstance(state.session.step, Ended) else state
            )
        case _:
            return _choose(state, intent, world)


def _frame(state: State, intent: i.Intent, world: World) -> State:
    session = state.session
    match intent:
        case i.OpenHelp():
            session = replace(session, help_open=True)
        case i.CloseHelp():
            session = replace(session, help_open=False)
        case i.CallStaff():
            session = replace(session, staff_called=True)
        case i.DismissNotice():
            session = replace(session, notice=None)
        case _:
            session = replace(session, look=_look(session.look, intent, world))
    return replace(state, session=session)


def _look(look: Look, intent: i.Intent, world: World) -> Look:
    match intent:
        case i.SetLanguage(language=language) if language in world.profile.languages:
            return replace(look, language=language)
        case i.SetSize(size=size):
            return replace(look, size=size)
        case i.SetContrast(contrast=contrast):
            return replace(look, contrast=contrast)
        case i.SetReach(reach=reach):
            return replace(look, reach=reach)
        case _:
            return look


def _choose(state: State, intent: i.Intent, world: World) -> Move:
    """What is chosen from a list or confirmed: each belongs to one step."""
    match state.session.step, intent:
        case FindDepartment() as step, i.Search():
            return registering.search(state, step, intent)
        case (FindDepartment() | FindDoctor() | PickSlot()) as step, i.TurnPage():
            return registering.turn_page(state, step, intent)
        case FindDepartment() as step, i.ChooseDepartment():
            return registering.choose_department(state, step, intent, world)
        case FindDoctor() as step, i.FilterDoctors():
            return registering.filter_doctors(state, step, intent, world)
        case FindDoctor() as step, i.ChooseDoctor():
            return registering.choose_doctor(state, step, intent, world)
        case PickSlot() as step, i.ChooseSlot():
            return registering.choose_slot(state, step, intent, world)
        case StaffMatters(), i.TurnPage():
            return stay(go(state, StaffMatters(max(intent.page, 0))))
        case CheckDetails() as step, i.Confirm():
            return registering.confirm(state, step, world)
        case _:
            return stay(state)


def _choose_service(state: State, service: Service, world: World) -> Move:
    session = state.session
    if not isinstance(session.step, Home):
        return stay(state)
    answer = tile(world, service, is_identified=session.patient is not None)
    if answer.state is TileState.UNAVAILABLE:
        return stay(note(state, answer.reason, service))
    return stay(go(state, Identify() if session.patient is None else FindDepartment()))


def _cancelling(
    state: State, intent: i.CancelPayment | i.ReallyCancel | i.KeepPaying, world: World
) -> Move:
    payment = paying(state)
    if payment is None or payment[0].cancel_reason is not None:
        return stay(state)
    step = payment[0]
    match intent:
        case i.CancelPayment():
            return stay(go(state, replace(step, asks_cancel=True)))
        case i.KeepPaying():
            return stay(go(state, replace(step, asks_cancel=False)))
        case i.ReallyCancel():
            return cancel(state, "patient", world) if step.asks_cancel else stay(state)
        case _:
            assert_never(intent)


def _go_home(state: State, world: World) -> Move:
    match state.session.step:
        case Attract():
            return stay(state)
        case Home() | StaffCode() | StaffMatters():
            return stay(end_session(state, world))
        case Pay():
            return _cancelling(state, i.CancelPayment(), world)
        case Ended():
            return stay(go(replace(state, book=state.book.let_go()), Home()))
        case Identify() | FindDepartment() | FindDoctor() | PickSlot() | CheckDetails():
            return stay(go(state, Home()))
        case step:
            assert_never(step)


def _go_back(state: State, world: World) -> Move:
    match state.session.step:
        case Identify() | FindDepartment():
            return stay(go(state, Home()))
        case FindDoctor() as step:
            return stay(go(state, step.search))
        case PickSlot() as step:
            return stay(go(state, step.back))
        case CheckDetails() as step:
            return stay(go(state, step.back))
        case Pay():
            return _cancelling(state, i.CancelPayment(), world)
        case StaffCode() | StaffMatters():
            return stay(end_session(state, world))
        case Attract() | Home() | Ended():
            return stay(state)
        case step:
            assert_never(step)
