"""How often a batch asks the database: each time is a way there and back. Counted, not timed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from store_forward.contract.facts import KioskStarted, NoteCredited
from store_forward.contract.wire import MAX_BATCH_ITEMS, Outcome
from tests.fakes.journal_of import JournalOf
from tests.unit.gateway.bench import FEE_FEN, KIOSK, GatewayBench, OrderStory, outcomes

CONSTANT = 20
"""What a batch needs whatever is in it: locks, look-ups, mark, receipt."""

PER_ORDER = 8
"""A registration's own: its number, its patient, its row, its slot, its end."""

PER_SCHEDULE = 8
"""Its remaining number, published anew."""


@contextmanager
def statements() -> Iterator[Counter[str]]:
    """Count statements by their first words; many rows in one count once."""
    seen: Counter[str] = Counter()

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen[" ".join(statement.split()[:3])] += 1

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def test_entries_without_a_row_of_their_own_cost_no_statement_each(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    parents: tuple[str, ...] = ()
    for number in range(MAX_BATCH_ITEMS):
        fact = NoteCredited(None, f"n-{number}", 1000) if number % 2 else KioskStarted("0.1.0")
        parents = (journal.record(fact, depends_on=parents).id,)
    with statements() as seen:
        answer = bench.send(journal)
    assert outcomes(answer) == [Outcome.ACCEPTED] * MAX_BATCH_ITEMS
    assert seen.total() <= CONSTANT, seen


def test_an_order_costs_its_own_rows_and_nothing_for_each_of_its_notes(
    bench: GatewayBench,
) -> None:
    journal = JournalOf(KIOSK)
    leases = bench.lease(wanted=4)
    for number, lease in enumerate(leases):
        story = OrderStory(journal, lease, f"o-{number}")
        story.confirms()
        for _ in range(FEE_FEN // 100):
            story.pays_in(100)
        story.is_paid(FEE_FEN)
    with statements() as seen:
        answer = bench.send(journal)
    assert len(answer.results) > 40 * len(leases)
    assert set(outcomes(answer)) == {Outcome.ACCEPTED}
    schedules = len({lease.schedule_code for lease in leases})
    assert seen.total() <= CONSTANT + PER_ORDER * len(leases) + PER_SCHEDULE * schedules, seen


def test_a_batch_that_comes_again_costs_a_handful(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    for number in range(100):
        journal.record(NoteCredited(None, f"n-{number}", 1000))
    bench.send(journal)
    with statements() as seen:
        answer = bench.send(journal)
    assert set(outcomes(answer)) == {Outcome.DUPLICATE}
    assert seen.total() <= 10, seen


def test_more_parents_than_one_question_holds_are_asked_for_in_several(
    bench: GatewayBench,
) -> None:
    journal = JournalOf(KIOSK)
    parents = [journal.record(KioskStarted("0.1.0")).id for _ in range(2)]
    bench.send(journal)
    strangers = [f"e-{number}" for number in range(2_500)]
    journal.record(KioskStarted("0.1.0"), depends_on=parents)
    journal.record(KioskStarted("0.1.0"), depends_on=[*parents, *strangers])
    assert outcomes(bench.send(journal, 3)) == [Outcome.ACCEPTED, Outcome.DEFERRED]
