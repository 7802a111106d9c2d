"""From the journal back to the state: what a core that comes up after a crash resumes.

An open order is always resumed, whatever time has passed: there may be money in it. An order that
had ended but whose slip is not known to be printed is shown again for a few minutes only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from devices.messages import PrintOutcome
from firmware.core.book import Book, Order, apply
from firmware.core.left_cards import left_behind
from firmware.core.moves import new_session
from firmware.core.state import Asking, Ended, Pay, Session, State, Step
from firmware.core.world import World
from store_forward.contract.facts import Entry

REDELIVERY_SECONDS = 20.0
"""How long after a restart the printer's word on a started slip is still awaited."""

STILL_THERE = timedelta(minutes=3)
"""A patient whose slip is uncertain is looked for this long. By the clock, which is a hint: a
wrong answer shows or hides a masked screen, money does not depend on it."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the tail of the journal says. ``last_offline`` and ``last_at`` are of its end."""

    book: Book
    last_offline: bool = False
    last_at: datetime | None = None


def remember(entries: Iterable[Entry], salt: bytes) -> Memory:
    """Fold journal entries, oldest first. ``salt`` keys the patients' hashes from now on."""
    book = Book(salt)
    offline, last_at = False, None
    for entry in entries:
        book = apply(book, entry.fact, entry.business_date)
        if entry.lane != KIOSK_LANE:
            offline, last_at = entry.offline, datetime.fromisoformat(entry.occurred_at)
    return Memory(book, offline, last_at)


def recover(memory: Memory, world: World, before: State | None = None) -> State:
    """Return the state to go on from.

    ``before`` is what this run of core knew until its journal failed: the journal says nothing of
    cards. A new run knows of none, so it expects that of an order it resumes on the reader.
    """
    session = new_session(world)
    step = _step_of(memory, world)
    if step is None or memory.book.order is None:
        state = State(book=memory.book.let_go(), session=session)
    else:
        left = left_behind(memory.book.order.patient_key, world)
        state = State(book=memory.book, session=_resumed(session, step), left_card=left)
    if before is None:
        return state
    # Nor of the language and size that whoever stands there has chosen.
    session = replace(state.session, look=before.session.look)
    return replace(state, session=session, card=before.card, left_card=before.left_card)


KIOSK_LANE = "kiosk"
"""Lane of facts that belong to no order."""


def _resumed(session: Session, step: Step) -> Session:
    return Session(look=session.look, last_activity=session.last_activity, step=step)


def _step_of(memory: Memory, world: World) -> Step | None:
    order = memory.book.order
    if order is None:
        return None
    if order.is_open:
        note = memory.book.undecided(order.order_id)
        asking = None
        if note is not None:
            asking = Asking(note.note_id, since=world.now, next_query=world.now)
        return Pay(recovered=True, asking=asking)
    if memory.last_at is None or not _slip_is_open(order):
        return None
    if abs(world.wall - memory.last_at) > STILL_THERE:
        return None
    has_begun = order.print_job is not None and order.print_job.outcome is None
    until = world.now + REDELIVERY_SECONDS if has_begun else None
    return Ended(print_until=until, offline=memory.last_offline)


def _slip_is_open(order: Order) -> bool:
    """Whether the order leaves a slip that is not known to be printed."""
    if order.slip_code is None:
        return False
    return order.print_job is None or order.print_job.outcome is not PrintOutcome.COMPLETED
