"""What an entry does at the HIS: booked once, or told to a person; never guessed."""

from __future__ import annotations

import msgspec
import pytest

from store_forward.contract.facts import CaseOpened, NoteCredited
from store_forward.contract.wire import Outcome
from store_forward.gateway.problems import Refused
from tests.fakes.journal_of import JournalOf
from tests.unit.gateway.bench import (
    FEE_FEN,
    IDENTITY,
    KIOSK,
    OTHER_KIOSK,
    GatewayBench,
    OrderStory,
    a_paid_order,
    codes,
    kinds,
    outcomes,
    unverified,
)


def test_a_paid_registration_is_booked(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    story = a_paid_order(bench, journal)

    answer = bench.send(journal)

    assert set(outcomes(answer)) == {Outcome.ACCEPTED}
    row = bench.rows()["registrations"][0]
    assert (row["state"], row["slot_id"], row["slip_code"]) == (
        "paid",
        story.lease.slot_id,
        "slip-o-1",
    )
    assert answer.results[0].his_ref == row["his_ref"]
    assert bench.ledger() == {
        "cash_box:QH-01": 3000,
        "revenue:registration": -FEE_FEN,
        f"account:{row['patient_number']}": -1000,
    }
    for known_as in ("o-1", "slip-o-1"):
        assert bench.state_of(known_as) == "accepted"


def test_children_of_a_rejected_entry_are_deferred_but_their_cash_is_counted(
    bench: GatewayBench,
) -> None:
    journal = JournalOf(KIOSK)
    story = OrderStory(journal, bench.lease()[0], "o-1", fee_fen=-1)
    story.confirms()
    story.pays_in(2000)
    story.is_paid(2000)

    answer = bench.send(journal)

    assert outcomes(answer) == [Outcome.REJECTED] + [Outcome.DEFERRED] * 3
    assert bench.ledger() == {"cash_box:QH-01": 2000, "suspense:o-1": -2000}
    assert bench.state_of("o-1") == "rejected"


def test_what_went_to_review_is_told_again_when_the_answer_was_lost(
    bench: GatewayBench,
) -> None:
    journal = JournalOf(KIOSK)
    story = OrderStory(journal, bench.lease()[0], "o-1")
    story.lease = msgspec.structs.replace(story.lease, slot_id="no-such-slot")
    story.confirms()
    assert outcomes(bench.send(journal)) == [Outcome.REVIEW]
    assert outcomes(bench.send(journal)) == [Outcome.REVIEW]
    assert len(bench.rows()["cases"]) == 1


@pytest.mark.parametrize(("collected", "excess"), [(2000, 1000), (5000, 3000), (1000, 0)])
def test_a_payment_that_does_not_add_up_opens_a_case_and_moves_nothing(
    bench: GatewayBench, collected: int, excess: int
) -> None:
    journal = JournalOf(KIOSK)
    story = OrderStory(journal, bench.lease()[0], "o-1")
    story.confirms()
    story.pays_in(2000)
    story.is_paid(collected, excess)
    answer = bench.send(journal)
    assert answer.results[-1].outcome is Outcome.REVIEW
    assert answer.results[-1].code == "payment_differs"
    assert bench.ledger() == {"cash_box:QH-01": 2000, "suspense:o-1": -2000}
    assert bench.state_of("slip-o-1") == "review"


def test_the_same_note_is_credited_once_even_if_told_twice(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    journal.record(NoteCredited(None, "n-1", 5000))
    journal.record(NoteCredited(None, "n-1", 5000))
    answer = bench.send(journal)
    assert outcomes(answer) == [Outcome.ACCEPTED, Outcome.CONFLICT]
    assert bench.ledger()["cash_box:QH-01"] == 5000


@pytest.mark.parametrize("amount", [0, -1000, 10**9, 10**30])
def test_an_impossible_amount_is_rejected(bench: GatewayBench, amount: int) -> None:
    journal = JournalOf(KIOSK)
    journal.record(NoteCredited(None, "n-1", amount))
    answer = bench.send(journal)
    assert codes(answer) in (["invalid_amount"], ["undecodable"])
    assert bench.ledger() == {}


def test_money_of_no_order_waits_for_its_owner(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    journal.record(NoteCredited(None, "n-1", 5000))
    journal.record(CaseOpened("c-1", None, "note_without_order", 5000, "A-1"))
    bench.send(journal)
    assert bench.ledger() == {"cash_box:QH-01": 5000, "suspense:unassigned:QH-01": -5000}
    assert bench.state_of("A-1") == "case_open"


def test_a_cancelled_order_frees_its_slot_and_owes_what_was_stacked(
    bench: GatewayBench,
) -> None:
    journal = JournalOf(KIOSK)
    story = OrderStory(journal, bench.lease()[0], "o-1")
    story.confirms()
    story.pays_in(1000)
    story.cancels(owed_fen=1000)
    assert set(outcomes(bench.send(journal))) == {Outcome.ACCEPTED}
    assert bench.ledger() == {"cash_box:QH-01": 1000, "payable:slip-o-1": -1000}
    assert "sold" not in kinds(bench.rows()["slots"], "state")
    assert bench.state_of("o-1") == "cancelled"

    again = OrderStory(journal, story.lease, "o-2")
    again.confirms()
    assert bench.send(journal, first=5).results[0].outcome is Outcome.ACCEPTED


def test_a_second_cancel_is_one_cancel(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    story = OrderStory(journal, bench.lease()[0], "o-1")
    story.confirms()
    story.cancels(owed_fen=0)
    story.cancels(owed_fen=0)
    assert codes(bench.send(journal)) == [None, None, "already_cancelled"]


def test_a_payment_after_the_cancel_goes_to_a_person(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    story = OrderStory(journal, bench.lease()[0], "o-1")
    story.confirms()
    story.cancels(owed_fen=0)
    story.pays_in(2000)
    story.is_paid(2000)
    answer = bench.send(journal)
    assert outcomes(answer)[-2:] == [Outcome.REVIEW, Outcome.REVIEW]
    assert bench.ledger() == {"cash_box:QH-01": 2000, "suspense:o-1": -2000}


def test_an_order_id_used_twice_is_a_conflict(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    first, second = bench.lease()[:2]
    OrderStory(journal, first, "o-1").confirms()
    OrderStory(journal, second, "o-1").confirms()
    assert outcomes(bench.send(journal)) == [Outcome.ACCEPTED, Outcome.CONFLICT]


def test_a_case_reaches_a_person_even_if_its_order_means_nothing(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    story = OrderStory(journal, bench.lease()[0], "o-1", fee_fen=-1)
    story.confirms()
    story.opens_case(500)
    assert outcomes(bench.send(journal)) == [Outcome.REJECTED, Outcome.ACCEPTED]
    assert bench.state_of("slip-o-1") == "case_open"


def test_one_card_is_one_patient_at_every_kiosk(bench: GatewayBench) -> None:
    for device in (KIOSK, OTHER_KIOSK):
        journal = JournalOf(device)
        OrderStory(journal, bench.lease(device)[0], f"o-{device}").confirms()
        bench.send(journal)
    numbers = kinds(bench.rows()["registrations"], "patient_number")
    assert len(numbers) == 2
    assert len(set(numbers)) == 1


def test_typed_data_is_never_merged_with_a_card(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    first, second = bench.lease()[:2]
    OrderStory(journal, first, "o-1", IDENTITY).confirms()
    OrderStory(journal, second, "o-2", unverified("A-P2")).confirms()
    bench.send(journal)
    numbers = kinds(bench.rows()["registrations"], "patient_number")
    assert len(set(numbers)) == 2


def test_a_new_journal_that_counts_from_one_again_means_other_patients(
    bench: GatewayBench,
) -> None:
    first, second = bench.lease()[:2]
    for lease, incarnation in ((first, "inc-1"), (second, "inc-2")):
        journal = JournalOf(KIOSK, incarnation)
        OrderStory(journal, lease, f"o-{incarnation}", unverified("A-P000001")).confirms()
        bench.send(journal)
    numbers = kinds(bench.rows()["registrations"], "patient_number")
    assert len(set(numbers)) == 2


def test_the_operator_sees_no_full_name(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    a_paid_order(bench, journal)
    bench.send(journal)
    shown = msgspec.json.encode(bench.rows()).decode()
    assert IDENTITY.name not in shown
    assert IDENTITY.id_number not in shown
    assert "甲*" in shown


def test_kiosks_do_not_see_each_others_orders(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    OrderStory(journal, bench.lease()[0], "o-1").confirms()
    bench.send(journal)
    stranger = JournalOf(OTHER_KIOSK)
    OrderStory(stranger, bench.lease()[0], "o-1").cancels(owed_fen=0)
    assert codes(bench.send(stranger)) == ["order_unknown"]
    assert bench.state_of("o-1") == "accepted"


def test_nothing_is_known_of_a_transaction_never_received(bench: GatewayBench) -> None:
    with pytest.raises(Refused) as caught:
        bench.state_of("never")
    assert caught.value.problem.status == 404


def test_a_slip_that_stands_for_a_case_says_so(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    story = OrderStory(journal, bench.lease()[0], "o-1")
    story.confirms()
    story.pays_in(1000)
    story.opens_case(500)
    story.cancels(owed_fen=1000)
    bench.send(journal)
    assert bench.state_of("slip-o-1") == "case_open"
    assert bench.state_of("o-1") == "cancelled"


def test_a_late_note_does_not_cast_doubt_on_a_paid_registration(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    story = a_paid_order(bench, journal)
    story.pays_in(1000)
    assert outcomes(bench.send(journal))[-1] is Outcome.REVIEW
    assert bench.state_of("slip-o-1") == "accepted"
