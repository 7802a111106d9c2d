"""What a person must look at: every entry that was not simply accepted, or does not arrive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, update

from store_forward.contract.facts import CaseOpened, EntriesLost, Entry, JournalReplaced
from store_forward.contract.resolutions import Verdict
from store_forward.contract.wire import Outcome
from store_forward.gateway.journals import HELD
from store_forward.gateway.reading import Unreadable, order_of
from store_forward.gateway.rules import Decision, OpenCase
from store_forward.gateway.statements import add_if_absent
from store_forward.gateway.tables import open_case, withheld
from store_forward.gateway.times import to_text

_ADD_CASE = add_if_absent(open_case)
"""Made once, see knowledge.py."""

_PARKED = "parked:"

NEED_CASE = (Outcome.REJECTED, Outcome.DEFERRED, Outcome.CONFLICT, Outcome.REVIEW)
"""Outcomes that need a person; ``review`` brings its own case the first time."""


@dataclass(frozen=True)
class Place:
    """Where in which journal the entry stands, and when it was received."""

    device: str
    incarnation: str
    seq: int
    now: datetime


def parked_case_id(place: Place) -> str:
    """The name of the case about an entry that a kiosk holds parked."""
    return f"{_PARKED}{place.incarnation}:{place.seq}"


def verdicts_about(case_id: str) -> tuple[Verdict, ...]:
    """What a person can decide about a case: only what a kiosk still holds can be sent again."""
    if case_id.startswith(_PARKED):
        return (Verdict.SETTLED, Verdict.WITHDRAWN, Verdict.RESEND)
    return (Verdict.SETTLED, Verdict.WITHDRAWN)


def add_case(connection: Connection, place: Place, case: OpenCase) -> None:
    """Open a case about an entry; one that is known stays as it is."""
    connection.execute(
        _ADD_CASE,
        {
            "device": place.device,
            "case_id": case.case_id,
            "order_id": case.order_id,
            "reason": case.reason,
            "amount_fen": case.amount_fen,
            "slip_code": case.slip_code,
            "origin": case.origin,
            "opened_at": to_text(place.now),
            "incarnation": place.incarnation,
            "seq": place.seq,
            "closed_at": None,
        },
    )


def open_case_of_outcome(
    connection: Connection, place: Place, entry: Entry | Unreadable, decision: Decision
) -> None:
    """Open a case for an entry that was recorded and not accepted, or that is one in itself.

    One that was sent to review, or opened a case, in another journal of the kiosk has its case
    there, where no decision reaches the journal that tells it again.
    """
    has_case = any(isinstance(effect, OpenCase) for effect in decision.effects)
    fact = entry.fact if isinstance(entry, Entry) else None
    is_case = isinstance(fact, CaseOpened | EntriesLost | JournalReplaced)
    if has_case or not (is_case or decision.outcome in NEED_CASE):
        return
    case = OpenCase(
        case_id=f"gw:{place.incarnation}:{place.seq}",
        order_id=order_of(fact) if fact is not None else None,
        reason=decision.code or getattr(fact, "reason", None) or decision.outcome.value,
        amount_fen=amount_of(fact),
        slip_code=getattr(fact, "slip_code", None),
        origin="gateway",
    )
    add_case(connection, place, case)


def open_case_of_parked(connection: Connection, place: Place, lane: str, code: str) -> str:
    """Open a case for an entry that a kiosk cannot hand over, or open it again; return its id."""
    order_id = lane.removeprefix("order:") if lane.startswith("order:") else None
    case_id = parked_case_id(place)
    add_case(connection, place, OpenCase(case_id, order_id, code, 0, None, "gateway"))
    _set_closed(connection, place.device, case_id, None)
    return case_id


def end_delivered(connection: Connection, place: Place) -> None:
    """An entry that was parked has arrived: its case is closed, unless a person did that."""
    connection.execute(
        update(withheld)
        .where(
            withheld.c.device == place.device,
            withheld.c.incarnation == place.incarnation,
            withheld.c.seq == place.seq,
            withheld.c.state.in_(HELD),
        )
        .values(state="delivered")
    )
    close_case(connection, place.device, parked_case_id(place), place.now)


def close_case(connection: Connection, device: str, case_id: str, now: datetime) -> None:
    """Close a case that is open."""
    connection.execute(
        update(open_case)
        .where(
            open_case.c.device == device,
            open_case.c.case_id == case_id,
            open_case.c.closed_at.is_(None),
        )
        .values(closed_at=to_text(now))
    )


def amount_of(fact: object) -> int:
    """The money a fact is about, in fen: what was collected, is owed or at stake; 0 for none."""
    for name in ("collected_fen", "owed_fen", "amount_fen", "fee_fen"):
        amount = getattr(fact, name, None)
        if isinstance(amount, int):
            # A kiosk gone mad may name any amount; the case is about that, too.
            return max(-(2**62), min(amount, 2**62))
    return 0


def _set_closed(connection: Connection, device: str, case_id: str, at: str | None) -> None:
    connection.execute(
        update(open_case)
        .where(open_case.c.device == device, open_case.c.case_id == case_id)
        .values(closed_at=at)
    )
