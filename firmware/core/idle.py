"""Idle time: the warning, the end of a session, and what stops the clock meanwhile."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from firmware.core.events import Happening, Touched
from firmware.core.flows.pay_cash import MOVING_SECONDS, expire, watch_note
from firmware.core.flows.slip import slip_state
from firmware.core.moves import Move, end_session, stay
from firmware.core.state import Attract, Ended, Pay, StaffStep, State
from firmware.core.world import World
from firmware.messages.views import Size, SlipState

ELDER_FACTOR = 2
"""Both times are doubled in elder mode."""

OWED_SECONDS = 180.0
"""A screen that is all a patient has to show for money in the box stays at least this long: a
devices process that comes back meanwhile still prints the slip."""

BLINK_SECONDS = 0.02
"""Slack, so that a tick never comes just before the moment it was meant for."""


def seconds_left(state: State, world: World) -> int | None:
    """Return the count-down to show, None while no warning is up."""
    if not _is_counting(state, world):
        return None
    idle = world.now - state.session.last_activity
    times = _times(state, world)
    if idle < times.warning:
        return None
    return max(math.ceil(times.end - idle), 0)


def hold_time(before: State, after: State, event: Happening, world: World) -> State:
    """Return the state with its idle clock held while a device works or someone touches."""
    begins = any(
        isinstance(before.session.step, kind) != isinstance(after.session.step, kind)
        for kind in (Attract, Ended)
    )
    is_held = _is_busy(before, world) or _is_busy(after, world)
    if isinstance(event, Touched) or is_held or begins:
        session = after.session
        after = replace(after, session=replace(session, last_activity=world.now))
    return after


def let_time_pass(state: State, world: World) -> Move:
    """Time went by: look after a note that does not end, then after the patient."""
    state, effects = watch_note(state, world)
    if effects or not _is_counting(state, world):
        return state, effects
    if world.now - state.session.last_activity < _times(state, world).end:
        return stay(state)
    if isinstance(state.session.step, Pay):
        return expire(state, world)
    return stay(end_session(state, world))


def next_wakeup(state: State, world: World) -> float:
    """Return the monotonic time of the next tick that can change anything."""
    local = world.local(world.wall)
    moments = [world.now + 60.0 - local.second - local.microsecond / 1e6]
    session = state.session
    if _is_counting(state, world):
        idle = world.now - session.last_activity
        warning = _times(state, world).warning
        if idle < warning:
            moments.append(session.last_activity + warning)
        else:
            moments.append(world.now + 1.0 - idle % 1.0)
    step = session.step
    if isinstance(step, Pay):
        if step.asking is not None:
            moments.append(step.asking.next_query)
        if step.moving_since is not None:
            moments.append(step.moving_since + MOVING_SECONDS)
    if isinstance(step, Ended) and step.print_until is not None:
        moments.append(step.print_until)
    due = [moment for moment in moments if moment > world.now]
    return min(due) + BLINK_SECONDS


def _is_counting(state: State, world: World) -> bool:
    step = state.session.step
    if isinstance(step, StaffStep):
        return True
    is_open = state.out_of_service is None
    return is_open and not isinstance(step, Attract) and not _is_busy(state, world)


def _is_busy(state: State, world: World) -> bool:
    """Whether a note moves or a slip prints: the patient waits for us, not we for them."""
    step = state.session.step
    if isinstance(step, Pay):
        is_moving = step.moving_since is not None and world.now - step.moving_since < MOVING_SECONDS
        return is_moving or step.asking is not None
    return slip_state(state, world) is SlipState.PRINTING


@dataclass(frozen=True, slots=True)
class _Times:
    """Idle seconds until the warning and until the end of the session."""

    warning: float
    end: float


def _times(state: State, world: World) -> _Times:
    limits = world.profile.limits
    factor = ELDER_FACTOR if state.session.look.size is Size.ELDER else 1
    times = _Times(limits.warning_seconds * factor, limits.idle_seconds * factor)
    if not _owes_paper(state, world):
        return times
    end = max(times.end, OWED_SECONDS)
    return _Times(end - (times.end - times.warning), end)


def _owes_paper(state: State, world: World) -> bool:
    """Whether the patient has money to get back and only the screen to show for it."""
    order = state.book.order
    if order is None or order.paid is not None:
        return False
    return slip_state(state, world) is SlipState.NOT_PRINTED
