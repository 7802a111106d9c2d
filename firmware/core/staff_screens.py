"""What staff are shown: the question for their code, and what needs a person."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from firmware.core.flows.staff import TRIES, is_locked
from firmware.core.offers import page_of
from firmware.core.state import StaffCode, StaffMatters, State
from firmware.core.world import World
from firmware.messages.staff import MatterRow, MatterState, StaffCodeState, StaffCodeView, StaffView
from store_forward.store.sending.matters import Matter

MATTERS_A_PAGE = 6
"""What the screen is given at a time; it shows as many at once as there is room for."""


def code_view(state: State, step: StaffCode, world: World) -> StaffCodeView:
    """The screen that asks for the code."""
    if is_locked(state, world):
        minutes = ceil((state.tries.locked_until - world.now) / 60)
        return StaffCodeView(StaffCodeState.LOCKED, minutes=minutes)
    if step.was_wrong and state.tries.wrong:
        return StaffCodeView(StaffCodeState.WRONG, tries_left=TRIES - state.tries.wrong)
    return StaffCodeView()


def matters_view(step: StaffMatters, world: World) -> StaffView:
    """The screen with what waits and what needs a person."""
    outgoing = world.outgoing
    shown, page, pages = page_of(outgoing.matters, step.page, MATTERS_A_PAGE)
    date, time = _when(world, outgoing.oldest)
    return StaffView(
        waiting=outgoing.waiting,
        oldest_date=date,
        oldest_time=time,
        doubt=outgoing.doubt,
        count=outgoing.undecided,
        rows=tuple(_row(matter, world) for matter in shown),
        page=page,
        pages=pages,
    )


def _row(matter: Matter, world: World) -> MatterRow:
    date, time = _when(world, _moment(matter.occurred_at))
    return MatterRow(
        number=matter.seq,
        state=MatterState(matter.state.value),
        kind=matter.kind,
        reason=matter.code,
        amount_fen=matter.amount_fen,
        slip_code=matter.slip_code,
        date=date,
        time=time,
        is_known=matter.is_reported,
    )


def _when(world: World, moment: datetime | None) -> tuple[str, str]:
    """Date and time at the clinic; empty where it is not known."""
    if moment is None:
        return "", ""
    return world.local(moment).date().isoformat(), world.clock_text(moment)


def _moment(text: str) -> datetime | None:
    """The aware time an entry names; None where it names none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
