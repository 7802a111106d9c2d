"""What becomes of an entry, given what is known: the doubts, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from store_forward.contract.facts import (
    CaseOpened,
    ClockTrust,
    Entry,
    Fact,
    KioskStarted,
    NoteCredited,
    NoteEscrowed,
    RegistrationCancelled,
    RegistrationPaid,
    SlipPrintStarted,
)
from store_forward.contract.wire import Outcome
from store_forward.gateway.rules import (
    DoubtOrder,
    FreeSlot,
    Known,
    OpenCase,
    Order,
    Recorded,
    SettleOrder,
    decide,
)
from tests.fakes.journal_of import entry_of

ORDER = Order("o-1", "confirmed", "REG-1", "P1", "slot-1", 2000)
KNOWN = Known("QH-01", parents={"o-1": Outcome.ACCEPTED}, order=ORDER, suspense_fen=2000)
PAID = RegistrationPaid("o-1", 2000, 2000, 0, "A-1")
CANCELLED = RegistrationCancelled("o-1", "patient", 2000, "A-1")
CREDITED = NoteCredited("o-1", "n-1", 2000)


def entry(fact: Fact) -> Entry:
    return entry_of(fact, entry_id="e-1", depends_on=("o-1",), clock=ClockTrust.INVALID)


def said(fact: Fact, known: Known = KNOWN) -> tuple[Outcome, str | None]:
    decision = decide(entry(fact), known)
    return decision.outcome, decision.code


@pytest.mark.parametrize(
    ("parent", "code"),
    [
        (None, "parent_unknown"),
        (Outcome.REJECTED, "parent_rejected"),
        (Outcome.DEFERRED, "parent_deferred"),
        (Outcome.CONFLICT, "parent_conflict"),
    ],
)
def test_what_follows_from_nothing_waits(parent: Outcome | None, code: str) -> None:
    known = replace(KNOWN, parents={"o-1": parent})
    for fact in (PAID, CANCELLED, NoteEscrowed("o-1", "n", 1000)):
        assert said(fact, known) == (Outcome.DEFERRED, code)


@pytest.mark.parametrize("parent", [Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.REVIEW])
def test_what_a_person_still_looks_at_holds_nothing_up(parent: Outcome) -> None:
    assert said(PAID, replace(KNOWN, parents={"o-1": parent})) == (Outcome.ACCEPTED, None)


def test_cash_is_posted_whatever_its_order_is_worth() -> None:
    for known in (
        replace(KNOWN, parents={"o-1": Outcome.REJECTED}, order=None),
        replace(KNOWN, parents={}, order=None),
        replace(KNOWN, order=replace(ORDER, state="paid")),
        KNOWN,
    ):
        postings = decide(entry(CREDITED), known).postings
        assert [(each.account, each.amount_fen) for each in postings] == [
            ("cash_box:QH-01", 2000),
            ("suspense:o-1", -2000),
        ]


def test_a_note_stacked_after_the_order_ended_goes_to_a_person_but_not_the_order() -> None:
    decision = decide(entry(CREDITED), replace(KNOWN, order=replace(ORDER, state="paid")))
    assert (decision.outcome, decision.code) == (Outcome.REVIEW, "order_closed")
    assert not any(isinstance(effect, DoubtOrder) for effect in decision.effects)


@pytest.mark.parametrize(
    ("fact", "known", "code"),
    [
        (RegistrationPaid("o-1", 1500, 2000, 500, "A-1"), KNOWN, "fee_differs"),
        (PAID, replace(KNOWN, suspense_fen=1000), "payment_differs"),
        (PAID, replace(KNOWN, order=replace(ORDER, state="cancelled")), "order_closed"),
        (CANCELLED, replace(KNOWN, suspense_fen=1000), "owed_differs"),
        (CANCELLED, replace(KNOWN, order=replace(ORDER, state="paid")), "order_closed"),
    ],
)
def test_money_that_does_not_fit_is_doubted_and_never_moved(
    fact: Fact, known: Known, code: str
) -> None:
    decision = decide(entry(fact), known)
    assert (decision.outcome, decision.code) == (Outcome.REVIEW, code)
    assert decision.postings == ()
    kinds = {type(effect) for effect in decision.effects}
    assert {DoubtOrder, OpenCase} <= kinds


def test_a_doubtful_cancel_still_frees_the_slot() -> None:
    effects = decide(entry(CANCELLED), replace(KNOWN, suspense_fen=0)).effects
    assert FreeSlot("slot-1", "o-1") in effects
    assert SettleOrder("o-1", "cancelled", "A-1", 2000) in effects


def test_a_second_payment_is_a_conflict() -> None:
    known = replace(KNOWN, order=replace(ORDER, state="paid"))
    assert said(PAID, known) == (Outcome.CONFLICT, "already_paid")


@pytest.mark.parametrize(
    "fact",
    [
        RegistrationPaid("o-1", 2000, 2000, -1, "A-1"),
        RegistrationCancelled("o-1", "patient", -1, None),
        NoteEscrowed("o-1", "n-1", 0),
        NoteCredited("o-1", "n-1", 0),
        CaseOpened("c-1", "o-1", "x", -1, "A-1"),
    ],
)
def test_impossible_amounts_mean_nothing(fact: Fact) -> None:
    assert said(fact) == (Outcome.REJECTED, "invalid_amount")


def test_the_same_case_is_opened_once() -> None:
    case = CaseOpened("c-1", "o-1", "x", 0, "A-1")
    assert said(case, replace(KNOWN, case_known=True)) == (Outcome.DUPLICATE, "case_known")


def test_what_has_no_effect_is_kept_as_audit() -> None:
    for fact in (KioskStarted("0.1.0"), SlipPrintStarted("o-1", "j", "A-1", 0)):
        decision = decide(entry(fact), KNOWN)
        assert decision.outcome is Outcome.ACCEPTED
        assert (decision.effects, decision.postings) == ((), ())


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        (Recorded(True, Outcome.ACCEPTED, None, "REG-1"), (Outcome.DUPLICATE, None)),
        (Recorded(True, Outcome.REVIEW, "slot_resold", None), (Outcome.REVIEW, "slot_resold")),
        (Recorded(False, Outcome.ACCEPTED, None, None), (Outcome.CONFLICT, "id_reused")),
    ],
)
def test_an_entry_known_by_its_id_has_no_second_effect(
    earlier: Recorded, expected: tuple[Outcome, str | None]
) -> None:
    known = replace(KNOWN, earlier=earlier)
    decision = decide(entry(PAID), known)
    assert (decision.outcome, decision.code) == expected
    assert (decision.effects, decision.postings) == ((), ())
