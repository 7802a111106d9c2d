"""A journal made from a backup ends the one before it; one that began by itself does not."""

from __future__ import annotations

import pytest

from store_forward.contract.facts import RESTORED_FROM_BACKUP, JournalReplaced, NoteCredited
from store_forward.contract.wire import Outcome
from store_forward.gateway.problems import Refused
from tests.fakes.journal_of import JournalOf
from tests.unit.gateway.bench import KIOSK, GatewayBench, kinds, outcomes


def journal_of(incarnation: str, notes: range) -> JournalOf:
    journal = JournalOf(KIOSK, incarnation)
    for number in notes:
        journal.record(NoteCredited(None, f"n-{number}", 1000))
    return journal


def replacing(old: str, first_lost: int, reason: str = RESTORED_FROM_BACKUP) -> JournalOf:
    journal = JournalOf(KIOSK, "inc-2")
    journal.record(JournalReplaced(old, reason, first_lost, 0, 0, 0))
    return journal


def test_the_old_journal_is_taken_up_to_the_backup_and_no_further(bench: GatewayBench) -> None:
    old = journal_of("inc-1", range(1, 6))
    bench.desk.receive(old.batch(1, 2))
    bench.desk.receive(replacing("inc-1", 4).batch(1))
    assert outcomes(bench.desk.receive(old.batch(1, 3)))[-1] is Outcome.ACCEPTED
    with pytest.raises(Refused, match="fenced"):
        bench.desk.receive(old.batch(1, 4))
    assert bench.ledger()["cash_box:QH-01"] == 3000


def test_the_operator_is_told_from_where_on_something_may_be_lost(bench: GatewayBench) -> None:
    bench.desk.receive(journal_of("inc-1", range(1, 6)).batch(1))
    bench.desk.receive(replacing("inc-1", 4).batch(1))
    told = [one["detail"] for one in bench.rows()["alarms"] if one["code"] == "journal_replaced"]
    assert len(told) == 1
    assert "ended at seq 3" in told[0]
    assert "recorded here up to 5" in told[0]
    assert "beyond 5 and had not sent is lost" in told[0]
    assert kinds(bench.rows()["cases"], "reason") == ["journal_replaced"]


def test_a_journal_nobody_here_has_seen_is_ended_too(bench: GatewayBench) -> None:
    bench.desk.receive(replacing("inc-1", 1).batch(1))
    with pytest.raises(Refused, match="fenced"):
        bench.desk.receive(journal_of("inc-1", range(1, 2)).batch(1))


def test_the_same_fact_again_changes_nothing(bench: GatewayBench) -> None:
    new = replacing("inc-1", 4)
    bench.desk.receive(new.batch(1))
    assert outcomes(bench.desk.receive(new.batch(1))) == [Outcome.DUPLICATE]
    assert len(bench.rows()["cases"]) == 1


def test_a_journal_that_began_anew_by_itself_ends_no_other(bench: GatewayBench) -> None:
    bench.desk.receive(replacing("inc-1", 2, "older_than_gateway").batch(1))
    assert (
        outcomes(bench.desk.receive(journal_of("inc-1", range(1, 4)).batch(1)))
        == [Outcome.ACCEPTED] * 3
    )


def test_a_journal_does_not_end_itself(bench: GatewayBench) -> None:
    own = replacing("inc-2", 1)
    own.record(NoteCredited(None, "n-1", 1000))
    assert set(outcomes(bench.desk.receive(own.batch(1)))) == {Outcome.ACCEPTED}
