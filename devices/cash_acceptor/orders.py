"""What follows from one status of the acceptor, and what is remembered of the note inside."""

from __future__ import annotations

from dataclasses import dataclass

from devices.cash_acceptor.protocol import Request, State
from devices.messages import Event


@dataclass(frozen=True, slots=True)
class Order:
    """What the driver sends next. ``mask`` belongs to ENABLE_BILL_TYPES."""

    request: Request
    mask: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """Answer to one status: what is known now, what to send, whether the status is taken."""

    events: tuple[Event, ...] = ()
    order: Order | None = None
    is_acknowledged: bool = True


@dataclass(slots=True)
class NoteInside:
    """The note inside. ``note_id`` is None for one a former worker may have reported."""

    note_id: str | None
    amount_fen: int
    seen_at: float
    is_announced: bool
    ordered: Request | None = None
    expected: frozenset[State] = frozenset()
    lost_since: float | None = None
