"""What staff are shown of entries the HIS did not simply take, and of cases opened here."""

from __future__ import annotations

import pytest

from store_forward.contract.facts import (
    CaseOpened,
    EntriesLost,
    Fact,
    JournalReplaced,
    NoteCredited,
    RegistrationPaid,
)
from store_forward.contract.wire import Outcome
from store_forward.store import Store
from store_forward.store.sending.exceptions import Standing
from store_forward.store.sending.matters import Matter
from tests.fakes.journal_of import entry_of
from tests.unit.store.builders import accepted, receipt, result

SLIP = "A-0302-0007-K"


@pytest.fixture(name="kept")
def _kept(store: Store) -> Store:
    """A note, a payment with its slip, and a case about a note nobody knows the end of."""
    facts: tuple[Fact, ...] = (
        NoteCredited("o-1", "n-1", 2000),
        RegistrationPaid("o-1", 1500, 2000, 500, SLIP),
        CaseOpened("c-1", "o-2", "note_uncertain", 5000, "A-0302-0008-M"),
    )
    store.journal.append(
        [entry_of(fact, entry_id=f"entry-{seq}") for seq, fact in enumerate(facts, start=1)]
    )
    return store


def seqs(store: Store) -> list[int]:
    return [each.seq for each in store.matters.newest_open(10)]


def test_a_case_opened_here_is_a_matter_before_and_after_it_is_handed_over(kept: Store) -> None:
    (case,) = kept.matters.newest_open(10)
    assert case == Matter(
        seq=3,
        state=Standing.REVIEW,
        code="note_uncertain",
        kind="case_opened",
        lane="order:o-2",
        case_id="c-1",
        amount_fen=5000,
        slip_code="A-0302-0008-M",
        occurred_at="2026-03-02T01:00:00.000Z",
        is_reported=False,
    )
    kept.outbox.record_answer(receipt(kept, 1, 3), accepted(1, 3))
    (case,) = kept.matters.newest_open(10)
    assert case.is_reported
    assert kept.matters.count_open() == 1


@pytest.mark.parametrize(
    ("fact", "code"),
    [
        (EntriesLost(5, 9, "a" * 32), "entries_lost"),
        (JournalReplaced("b" * 32, "older_than_gateway", 4, 9, 0, 0), "older_than_gateway"),
    ],
)
def test_what_recovery_could_not_mend_is_told_to_staff_until_it_was_decided(
    kept: Store, fact: Fact, code: str
) -> None:
    kept.journal.append([entry_of(fact, entry_id="entry-4")])
    matter = kept.matters.newest_open(1)[0]
    assert (matter.seq, matter.state, matter.code) == (4, Standing.REVIEW, code)
    assert (matter.case_id, matter.amount_fen, matter.slip_code) == ("gw:entry-4", 0, "")
    kept.outbox.record_answer(receipt(kept, 1, 4), accepted(1, 4))
    assert seqs(kept) == [4, 3]


def test_what_was_accepted_is_none(kept: Store) -> None:
    kept.outbox.record_answer(receipt(kept, 1, 2), accepted(1, 2))
    assert seqs(kept) == [3]


def test_a_parked_entry_names_money_slip_and_case(kept: Store) -> None:
    kept.outbox.park(2, "http_422")
    parked = kept.matters.newest_open(10)[1]
    assert (parked.state, parked.code, parked.amount_fen) == (Standing.PARKED, "http_422", 2000)
    assert (parked.slip_code, parked.is_reported, parked.attempts) == (SLIP, False, 1)
    assert parked.case_id == f"parked:{kept.identity.incarnation}:2"


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.DEFERRED, Outcome.CONFLICT])
def test_what_failed_at_the_gateway_names_its_case_there(kept: Store, outcome: Outcome) -> None:
    results = [*accepted(1, 1), result(2, outcome, "order_unknown"), *accepted(3, 3)]
    kept.outbox.record_answer(receipt(kept, 1, 3), results)
    failed = kept.matters.newest_open(10)[1]
    assert (failed.state.value, failed.code) == (outcome.value, "order_unknown")
    assert failed.case_id == f"gw:{kept.identity.incarnation}:2"
    assert failed.is_reported


def test_a_review_is_named_by_the_entry_it_is_about(kept: Store) -> None:
    results = [*accepted(1, 1), result(2, Outcome.REVIEW, "fee_differs"), *accepted(3, 3)]
    kept.outbox.record_answer(receipt(kept, 1, 3), results)
    assert kept.matters.newest_open(10)[1].case_id == "gw:entry-2"


def test_a_case_opened_here_that_cannot_be_handed_over_is_one_matter(kept: Store) -> None:
    kept.outbox.park(3, "http_400")
    (case,) = kept.matters.newest_open(10)
    assert (case.state, case.code, case.amount_fen) == (Standing.PARKED, "http_400", 5000)


def test_the_newest_come_first_and_no_more_than_asked_for(kept: Store) -> None:
    for seq in (1, 2):
        kept.outbox.park(seq, "http_400")
    assert seqs(kept) == [3, 2, 1]
    assert [each.seq for each in kept.matters.newest_open(2)] == [3, 2]
    assert kept.matters.count_open() == 3
    assert [each.seq for each in kept.matters.all()] == [1, 2, 3]


def test_nothing_is_told_of_a_patient(kept: Store) -> None:
    kept.outbox.park(2, "http_400")
    told = repr(kept.matters.all())
    assert "测试" not in told
    assert "resident" not in told


def test_a_million_entries_are_not_read_for_it(kept: Store) -> None:
    """The plan says how the cases are found: by their own index, which holds nothing else."""
    plan = kept._connection.rows(
        "EXPLAIN QUERY PLAN SELECT seq FROM event INDEXED BY event_case "
        "WHERE kind IN ('case_opened', 'entries_lost', 'journal_replaced')"
    )
    assert ["event_case" in row[3] for row in plan] == [True]
