"""What becomes of an entry, given what is known. Pure.

Notes, fees and cancellations are told by a kiosk that acted on them: the gateway may doubt them,
it cannot undo them. So a doubt leads to ``review`` with a case a person sees, never to silence.
``rejected`` is kept for entries that mean nothing here, ``deferred`` for those that follow from
such a one. Cash is the exception that proves the rule: a stacked note is in the box whatever its
order is worth, so it is always posted and the ledger agrees with the cash box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from store_forward.contract.facts import (
    RESTORED_FROM_BACKUP,
    CaseOpened,
    EntriesLost,
    Entry,
    JournalRebuilt,
    JournalReplaced,
    KioskStarted,
    NoteCredited,
    NoteEscrowed,
    NoteGivenBack,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationPaid,
    SlipPrintEnded,
    SlipPrintStarted,
)
from store_forward.contract.wire import Outcome
from store_forward.gateway import ledger
from store_forward.gateway.allotments import SaleVerdict, Slot, judge_sale
from store_forward.gateway.ledger import Posting

LARGEST_AMOUNT_FEN = 1_000_000_00
"""One million yuan. A larger amount on a kiosk is a fault, not a payment."""

ENTRIES_LOST = "entries_lost"
"""Code of an entry, and reason of a case, about entries that a kiosk has lost for good."""

FAILED = frozenset({Outcome.REJECTED, Outcome.DEFERRED, Outcome.CONFLICT})
"""Outcomes whose children are deferred."""


@dataclass(frozen=True)
class Order:
    """A registration as the HIS knows it. ``state``: confirmed, paid or cancelled."""

    order_id: str
    state: str
    his_ref: str
    patient_number: str
    slot_id: str
    fee_fen: int


@dataclass(frozen=True)
class Recorded:
    """An entry with the same id, recorded earlier (under another seq or incarnation)."""

    same_body: bool
    outcome: Outcome
    code: str | None
    his_ref: str | None


@dataclass(frozen=True)
class Known:
    """What the database knows about the things an entry speaks of.

    ``parents`` maps each id of ``depends_on`` to its outcome, None when it was never received.
    ``suspense_fen`` is what was stacked for the order and is not settled yet.
    """

    device: str
    parents: Mapping[str, Outcome | None] = field(default_factory=dict)
    earlier: Recorded | None = None
    order: Order | None = None
    slot: Slot | None = None
    suspense_fen: int = 0
    note_credited: bool = False
    case_known: bool = False


@dataclass(frozen=True)
class RegisterPatient:
    """Write the HIS row of the registration, for review when ``review`` is set."""

    fact: RegistrationConfirmed
    review: str | None


@dataclass(frozen=True)
class SellSlot:
    """The slot belongs to the order from here on."""

    slot_id: str
    order_id: str


@dataclass(frozen=True)
class FreeSlot:
    """The order gives its slot up. No effect when the slot is not sold to that order."""

    slot_id: str
    order_id: str


@dataclass(frozen=True)
class SettleOrder:
    """The order ends: ``state`` paid or cancelled."""

    order_id: str
    state: str
    slip_code: str | None
    owed_fen: int = 0


@dataclass(frozen=True)
class DoubtOrder:
    """A person decides about the order; its slip says so."""

    order_id: str
    code: str


@dataclass(frozen=True)
class RememberNote:
    """The note is credited, once for ever."""

    note_id: str
    amount_fen: int


@dataclass(frozen=True)
class OpenCase:
    """A person must look."""

    case_id: str
    order_id: str | None
    reason: str
    amount_fen: int
    slip_code: str | None
    origin: str


@dataclass(frozen=True)
class EndJournal:
    """This kiosk's other journal ended at ``seq``: what comes beyond is taken no more."""

    incarnation: str
    seq: int


@dataclass(frozen=True)
class NoteLost:
    """These entries of the kiosk's journal ``incarnation`` are gone for good."""

    incarnation: str
    first_seq: int
    last_seq: int


Effect = (
    RegisterPatient
    | SellSlot
    | FreeSlot
    | SettleOrder
    | DoubtOrder
    | RememberNote
    | OpenCase
    | EndJournal
    | NoteLost
)


@dataclass(frozen=True)
class Decision:
    """Outcome of an entry, what it changes and what it posts."""

    outcome: Outcome
    code: str | None = None
    his_ref: str | None = None
    effects: tuple[Effect, ...] = ()
    postings: tuple[Posting, ...] = ()


ACCEPT = Decision(Outcome.ACCEPTED)


def decide(entry: Entry, known: Known) -> Decision:
    """Decide what becomes of an entry."""
    if known.earlier is not None:
        return _again(known.earlier)
    blocked = _blocked_by_parent(known.parents)
    match entry.fact:
        case NoteCredited() as fact:
            return _note_credited(entry, fact, known, blocked)
        case CaseOpened() as fact:
            return _case_opened(fact, known)
        case RegistrationConfirmed() as fact:
            return blocked or _confirmed(entry, fact, known)
        case RegistrationPaid() as fact:
            return blocked or _paid(entry, fact, known)
        case RegistrationCancelled() as fact:
            return blocked or _cancelled(entry, fact, known)
        case NoteEscrowed() | NoteGivenBack() as fact:
            return blocked or (_bad_amount(fact.amount_fen, least=1) or ACCEPT)
        case KioskStarted() | SlipPrintStarted() | SlipPrintEnded() | JournalRebuilt():
            return blocked or ACCEPT
        case JournalReplaced() as fact:
            return _journal_replaced(entry, fact)
        case EntriesLost() as fact:
            return _entries_lost(entry, fact)
        case _:
            assert_never(entry.fact)


def _entries_lost(entry: Entry, fact: EntriesLost) -> Decision:
    """Money may be among what a kiosk lost, so a person compares box, slips and ledger."""
    if not 1 <= fact.first_seq <= fact.last_seq:
        return Decision(Outcome.REJECTED, "invalid_range")
    case = OpenCase(f"gw:{entry.id}", None, ENTRIES_LOST, 0, None, "gateway")
    lost = NoteLost(fact.incarnation, fact.first_seq, fact.last_seq)
    return Decision(Outcome.ACCEPTED, ENTRIES_LOST, effects=(case, lost))


def _journal_replaced(entry: Entry, fact: JournalReplaced) -> Decision:
    """As above; and the journal before it may have ended for good."""
    effects: list[Effect] = [
        OpenCase(f"gw:{entry.id}", None, "journal_replaced", 0, None, "gateway")
    ]
    if fact.reason == RESTORED_FROM_BACKUP:
        # A person decided that another machine takes the kiosk's place. In any other case the disk
        # that goes on may be the right one, and the journal that began anew the copy.
        effects.append(EndJournal(fact.previous_incarnation, max(fact.first_lost - 1, 0)))
    return Decision(Outcome.ACCEPTED, "journal_replaced", effects=tuple(effects))


def _again(earlier: Recorded) -> Decision:
    """The same transaction under another seq: a journal rebuilt after a disk was replaced."""
    if not earlier.same_body:
        return Decision(Outcome.CONFLICT, "id_reused")
    return repeat(earlier.outcome, earlier.code, earlier.his_ref)


def repeat(outcome: Outcome, code: str | None, his_ref: str | None) -> Decision:
    """The answer for what is recorded already.

    ``duplicate`` stands for "accepted before". Any other outcome is told again: the kiosk whose
    answer was lost must still learn that something went to review.
    """
    if outcome is Outcome.ACCEPTED:
        return Decision(Outcome.DUPLICATE, code, his_ref)
    return Decision(outcome, code, his_ref)


def decide_ended(state: str) -> Decision:
    """An entry that arrives after a person settled or withdrew it has no effect any more."""
    outcome = Outcome.DUPLICATE if state == "settled" else Outcome.REJECTED
    return Decision(outcome, state)


def decide_lost() -> Decision:
    """An entry that turns up after its kiosk told it was lost. Somebody may have booked what it
    tells by hand since, so it is kept as evidence, has no effect, and a person decides."""
    return Decision(Outcome.CONFLICT, "told_lost")


def _blocked_by_parent(parents: Mapping[str, Outcome | None]) -> Decision | None:
    for outcome in parents.values():
        if outcome is None:
            return Decision(Outcome.DEFERRED, "parent_unknown")
        if outcome in FAILED:
            return Decision(Outcome.DEFERRED, f"parent_{outcome}")
    return None


def _bad_amount(*amounts_fen: int, least: int = 0) -> Decision | None:
    if all(least <= amount <= LARGEST_AMOUNT_FEN for amount in amounts_fen):
        return None
    return Decision(Outcome.REJECTED, "invalid_amount")


def _review(entry: Entry, code: str, order_id: str, amount_fen: int, slip: str | None) -> Decision:
    case = OpenCase(f"gw:{entry.id}", order_id, code, amount_fen, slip, "gateway")
    return Decision(Outcome.REVIEW, code, effects=(case,))


def _doubt(entry: Entry, code: str, order: Order, amount_fen: int, slip: str | None) -> Decision:
    review = _review(entry, code, order.order_id, amount_fen, slip)
    doubt = DoubtOrder(order.order_id, code)
    return replace(review, his_ref=order.his_ref, effects=(doubt, *review.effects))


def _confirmed(entry: Entry, fact: RegistrationConfirmed, known: Known) -> Decision:
    bad = _bad_amount(fact.fee_fen)
    if bad is not None:
        return bad
    if not 0 <= fact.slot_number < 100_000:
        return Decision(Outcome.REJECTED, "invalid_slot_number")
    if known.order is not None:
        return Decision(Outcome.CONFLICT, "order_exists", known.order.his_ref)
    verdict = judge_sale(known.slot, known.device, fact.lease_id, fact.fencing)
    if verdict is SaleVerdict.GOOD:
        sale = SellSlot(fact.slot_id, fact.order_id)
        return Decision(Outcome.ACCEPTED, effects=(RegisterPatient(fact, None), sale))
    doubt = _review(entry, str(verdict), fact.order_id, fact.fee_fen, None)
    row = RegisterPatient(fact, str(verdict))
    return replace(doubt, effects=(row, *doubt.effects))


def _note_credited(
    entry: Entry, fact: NoteCredited, known: Known, blocked: Decision | None
) -> Decision:
    bad = _bad_amount(fact.amount_fen, least=1)
    if bad is not None:
        return bad
    if known.note_credited:
        return Decision(Outcome.CONFLICT, "note_already_credited")
    postings = ledger.note_credited(known.device, fact.order_id, fact.amount_fen)
    remember = RememberNote(fact.note_id, fact.amount_fen)
    if fact.order_id is not None and known.order is None:
        blocked = blocked or Decision(Outcome.DEFERRED, "order_unknown")
    if blocked is not None:
        return Decision(blocked.outcome, blocked.code, effects=(remember,), postings=postings)
    if fact.order_id is not None and known.order is not None and known.order.state != "confirmed":
        doubt = _review(entry, "order_closed", fact.order_id, fact.amount_fen, None)
        effects = (remember, *doubt.effects)
        return Decision(doubt.outcome, doubt.code, known.order.his_ref, effects, postings)
    return Decision(Outcome.ACCEPTED, effects=(remember,), postings=postings)


def _paid(entry: Entry, fact: RegistrationPaid, known: Known) -> Decision:
    bad = _bad_amount(fact.fee_fen, fact.collected_fen, fact.excess_fen)
    if bad is not None:
        return bad
    order = known.order
    if order is None:
        return Decision(Outcome.DEFERRED, "order_unknown")
    if order.state == "paid":
        return Decision(Outcome.CONFLICT, "already_paid", order.his_ref)
    code = None
    if order.state == "cancelled":
        code = "order_closed"
    elif fact.fee_fen != order.fee_fen:
        code = "fee_differs"
    elif (
        fact.collected_fen != fact.fee_fen + fact.excess_fen
        or fact.collected_fen != known.suspense_fen
    ):
        code = "payment_differs"
    if code is not None:
        return _doubt(entry, code, order, fact.collected_fen, fact.slip_code)
    return Decision(
        Outcome.ACCEPTED,
        his_ref=order.his_ref,
        effects=(SettleOrder(order.order_id, "paid", fact.slip_code),),
        postings=ledger.registration_paid(
            known.device, order.order_id, order.patient_number, fact.fee_fen, fact.excess_fen
        ),
    )


def _cancelled(entry: Entry, fact: RegistrationCancelled, known: Known) -> Decision:
    bad = _bad_amount(fact.owed_fen)
    if bad is not None:
        return bad
    order = known.order
    if order is None:
        return Decision(Outcome.DEFERRED, "order_unknown")
    if order.state == "cancelled":
        return Decision(Outcome.DUPLICATE, "already_cancelled", order.his_ref)
    if order.state == "paid":
        return _doubt(entry, "order_closed", order, fact.owed_fen, fact.slip_code)
    free = FreeSlot(order.slot_id, order.order_id)
    settle = SettleOrder(order.order_id, "cancelled", fact.slip_code, fact.owed_fen)
    if fact.owed_fen != known.suspense_fen:
        doubt = _doubt(entry, "owed_differs", order, fact.owed_fen, fact.slip_code)
        return replace(doubt, effects=(settle, free, *doubt.effects))
    slip = fact.slip_code if fact.slip_code is not None else order.order_id
    postings = ledger.registration_cancelled(known.device, order.order_id, slip, fact.owed_fen)
    return Decision(Outcome.ACCEPTED, None, order.his_ref, (settle, free), postings)


def _case_opened(fact: CaseOpened, known: Known) -> Decision:
    """A case reaches a person whatever became of its parents."""
    bad = _bad_amount(fact.amount_fen)
    if bad is not None:
        return bad
    if known.case_known:
        return Decision(Outcome.DUPLICATE, "case_known")
    case = OpenCase(
        fact.case_id, fact.order_id, fact.reason, fact.amount_fen, fact.slip_code, "kiosk"
    )
    return Decision(Outcome.ACCEPTED, effects=(case,))
