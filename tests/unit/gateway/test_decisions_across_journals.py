"""What is known of an entry holds when it comes again under the number of another journal.

A kiosk that was restored, or whose disk was rolled back, begins a new journal and sends once more
what it does not know to be acknowledged; among that may be what staff have dealt with meanwhile.
"""

from __future__ import annotations

import pytest

from store_forward.contract.facts import (
    RESTORED_FROM_BACKUP,
    CaseOpened,
    JournalReplaced,
    NoteCredited,
)
from store_forward.contract.resolutions import Verdict
from store_forward.contract.wire import Outcome
from store_forward.gateway.journals import JournalId
from tests.fakes.journal_of import JournalOf
from tests.unit.gateway.bench import (
    KIOSK,
    OTHER_KIOSK,
    GatewayBench,
    OrderStory,
    codes,
    outcomes,
    with_fencing,
)
from tests.unit.gateway.test_cases import CASE, open_cases, parked, report, resolve


@pytest.fixture(name="old")
def _old(bench: GatewayBench) -> JournalOf:
    """Two notes; the gateway has the first and knows that the second is parked."""
    old = JournalOf(KIOSK, "inc-1")
    for number in (1, 2):
        old.record(NoteCredited(None, f"n-{number}", 1000), entry_id=f"e-{number}")
    bench.desk.receive(old.batch_of([1]))
    report(bench, parked(old, 2))
    return old


@pytest.fixture(name="new")
def _new(old: JournalOf) -> JournalOf:
    """Takes the place of the old one and sends both notes again."""
    new = JournalOf(KIOSK, "inc-2")
    new.record(JournalReplaced("inc-1", RESTORED_FROM_BACKUP, 3, 0, 1, 2))
    for body in old.bodies:
        new.append_raw(body)
    return new


def cash(bench: GatewayBench) -> int:
    return bench.ledger()["cash_box:QH-01"]


def test_what_staff_have_booked_by_hand_is_not_booked_again(
    bench: GatewayBench, new: JournalOf
) -> None:
    resolve(bench, Verdict.SETTLED)
    answer = bench.send(new)
    assert outcomes(answer)[1:] == [Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert codes(answer)[2] == "settled"
    assert cash(bench) == 1000
    assert bench.state_of("e-2") == "duplicate"


def test_what_staff_have_withdrawn_is_not_booked_and_they_are_told_that_it_came(
    bench: GatewayBench, new: JournalOf
) -> None:
    resolve(bench, Verdict.WITHDRAWN)
    answer = bench.send(new)
    assert (outcomes(answer)[2], codes(answer)[2]) == (Outcome.REJECTED, "withdrawn")
    assert cash(bench) == 1000
    assert "gw:inc-2:3" in open_cases(bench)


def test_another_content_under_the_id_of_a_settled_entry_is_a_conflict(
    bench: GatewayBench, new: JournalOf
) -> None:
    resolve(bench, Verdict.SETTLED)
    new.record(NoteCredited(None, "n-3", 5000), entry_id="e-2")
    answer = bench.desk.receive(new.batch_of([4]))
    assert (outcomes(answer), codes(answer)) == ([Outcome.CONFLICT], ["id_reused"])
    assert cash(bench) == 1000


@pytest.mark.parametrize("verdict", [None, Verdict.RESEND])
def test_the_case_of_a_parked_entry_closes_when_it_arrives_in_the_new_journal(
    bench: GatewayBench, new: JournalOf, verdict: Verdict | None
) -> None:
    if verdict is not None:
        resolve(bench, verdict)
    assert outcomes(bench.send(new))[2] is Outcome.ACCEPTED
    assert CASE not in open_cases(bench)
    assert cash(bench) == 2000


def test_the_case_stays_open_when_something_else_arrives_under_its_id(
    bench: GatewayBench, old: JournalOf
) -> None:
    other = JournalOf(KIOSK, "inc-2")
    other.record(NoteCredited(None, "n-3", 5000), entry_id="e-2")
    bench.send(other)
    assert CASE in open_cases(bench)


def reviewed(bench: GatewayBench, incarnation: str, entry: bytes | None = None) -> JournalOf:
    """A journal with the sale of a slot that nobody leased to the kiosk; ``entry`` tells it."""
    journal = JournalOf(KIOSK, incarnation)
    if entry is None:
        never_leased = with_fencing(bench.lease(OTHER_KIOSK)[0], 99)
        OrderStory(journal, never_leased, "o-1").confirms()
    else:
        journal.record(JournalReplaced("inc-1", RESTORED_FROM_BACKUP, 2, 0, 1, 1))
        journal.append_raw(entry)
    return journal


@pytest.mark.parametrize("is_decided", [False, True], ids=["open", "closed"])
def test_what_went_to_review_can_be_ended_in_the_new_journal_too(
    bench: GatewayBench, is_decided: bool
) -> None:
    before = reviewed(bench, "inc-1")
    assert outcomes(bench.send(before)) == [Outcome.REVIEW]
    if is_decided:
        (case,) = open_cases(bench)
        resolve(bench, Verdict.SETTLED, case)
    answer = bench.send(reviewed(bench, "inc-2", before.bodies[0]))
    assert outcomes(answer)[1] is Outcome.REVIEW, "the kiosk is told, and keeps it as open"
    decided = resolve(bench, Verdict.SETTLED, "gw:inc-2:2")
    page = bench.cases.decisions(JournalId(KIOSK, "inc-2"), "")
    assert page.resolutions == (decided,)
    assert (decided.seq, decided.entry_id) == (2, answer.results[1].id)


def test_a_case_that_a_kiosk_opened_can_be_ended_in_the_journal_that_tells_it_again(
    bench: GatewayBench,
) -> None:
    old, new = JournalOf(KIOSK, "inc-1"), JournalOf(KIOSK, "inc-2")
    old.record(CaseOpened("c-1", None, "note_uncertain", 5000, "S-1"), entry_id="e-1")
    bench.send(old)
    new.record(JournalReplaced("inc-1", RESTORED_FROM_BACKUP, 2, 0, 1, 1), entry_id="e-2")
    new.append_raw(old.bodies[0])
    assert outcomes(bench.send(new))[1] is Outcome.DUPLICATE
    assert {"c-1", "gw:inc-2:2"} <= set(open_cases(bench))
