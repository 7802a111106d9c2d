"""A journal that was ended takes what belongs to it once, and nothing beyond its end."""

from __future__ import annotations

import pytest

from store_forward.contract.facts import NoteCredited
from store_forward.contract.marks import FenceRequest, StreamMark
from store_forward.contract.wire import Outcome
from store_forward.gateway.journals import JournalId
from store_forward.gateway.problems import Refused
from tests.fakes.journal_of import JournalOf
from tests.unit.gateway.bench import KIOSK, GatewayBench, kinds, outcomes

JOURNAL = JournalId(KIOSK, "inc-1")


@pytest.fixture(name="journal")
def _journal() -> JournalOf:
    journal = JournalOf(KIOSK)
    for number in range(1, 6):
        journal.record(NoteCredited(None, f"n-{number}", 1000))
    return journal


def fence(bench: GatewayBench, journal: JournalOf, seq: int) -> StreamMark:
    request = FenceRequest(KIOSK, seq, journal.hashes[seq].hex())
    return bench.streams.fence(JOURNAL, request)


def test_what_the_backup_holds_still_comes_once_and_nothing_beyond_it(
    bench: GatewayBench, journal: JournalOf
) -> None:
    bench.desk.receive(journal.batch(1, 2))
    mark = fence(bench, journal, 4)
    assert (mark.fenced_at, mark.fenced_seq, mark.high_water) == (mark.at, 4, 2)

    drained = bench.desk.receive(journal.batch(1, 4))
    assert outcomes(drained) == [Outcome.DUPLICATE] * 2 + [Outcome.ACCEPTED] * 2
    assert set(outcomes(bench.desk.receive(journal.batch(1, 4)))) == {Outcome.DUPLICATE}

    with pytest.raises(Refused) as caught:
        bench.desk.receive(journal.batch(4, 5))
    assert (caught.value.problem.status, caught.value.problem.code) == (409, "fenced")
    assert kinds(bench.rows()["alarms"], "code") == ["fenced"]
    assert bench.ledger()["cash_box:QH-01"] == 4000


def test_what_came_before_the_fence_and_lies_beyond_it_stays_and_is_a_duplicate(
    bench: GatewayBench, journal: JournalOf
) -> None:
    bench.desk.receive(journal.batch(1, 5))
    assert fence(bench, journal, 3).high_water == 5, "the backup is older than what was sent"
    assert set(outcomes(bench.desk.receive(journal.batch(1, 5)))) == {Outcome.DUPLICATE}


def test_a_fence_is_set_once(bench: GatewayBench, journal: JournalOf) -> None:
    first = fence(bench, journal, 3)
    assert fence(bench, journal, 3).fenced_at == first.fenced_at
    with pytest.raises(Refused, match="fenced"):
        fence(bench, journal, 4)


def test_a_journal_of_another_history_is_not_ended(bench: GatewayBench, journal: JournalOf) -> None:
    bench.desk.receive(journal.batch(1, 3))
    with pytest.raises(Refused, match="history_differs"):
        bench.streams.fence(JOURNAL, FenceRequest(KIOSK, 2, "a" * 64))
    with pytest.raises(Refused, match="history_differs"):
        bench.streams.fence(JOURNAL, FenceRequest(KIOSK, 0, "a" * 64))
    assert bench.streams.mark(JOURNAL).fenced_at is None


def test_an_empty_journal_can_be_ended_before_anything_came(
    bench: GatewayBench, journal: JournalOf
) -> None:
    fence(bench, journal, 0)
    with pytest.raises(Refused, match="fenced"):
        bench.desk.receive(journal.batch(1, 1))
