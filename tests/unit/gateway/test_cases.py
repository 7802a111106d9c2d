"""What cannot be handed over becomes a case; a person ends it, and the kiosk is told, signed."""

from __future__ import annotations

import msgspec
import pytest

from store_forward.contract.facts import KioskStarted, NoteCredited
from store_forward.contract.resolutions import (
    CaseVerdict,
    ExceptionReport,
    ParkedEntry,
    Resolution,
    Verdict,
)
from store_forward.contract.signing import is_countersigned
from store_forward.contract.wire import Outcome
from store_forward.gateway.journals import JournalId
from store_forward.gateway.problems import Refused
from tests.fakes.journal_of import JournalOf
from tests.unit.gateway.bench import (
    KIOSK,
    RECEIPT_KEY,
    GatewayBench,
    codes,
    kinds,
    outcomes,
)

JOURNAL = JournalId(KIOSK, "inc-1")
CASE = "parked:inc-1:2"


def parked(journal: JournalOf, seq: int, attempts: int = 1) -> ParkedEntry:
    return ParkedEntry(
        seq=seq,
        hash=journal.hashes[seq].hex(),
        previous=journal.hashes[seq - 1].hex(),
        entry_id=f"e-{seq}",
        lane="order:o-1",
        kind="note_credited",
        code="http_400",
        attempts=attempts,
    )


def report(bench: GatewayBench, *entries: ParkedEntry) -> list[str]:
    answer = bench.cases.report(ExceptionReport(KIOSK, "inc-1", entries))
    return [case.state for case in answer.cases]


def resolve(bench: GatewayBench, verdict: Verdict, case: str = CASE) -> Resolution:
    return bench.cases.resolve(case, CaseVerdict(KIOSK, verdict, "staff-7", "checked"))


def refusal(bench: GatewayBench, verdict: Verdict, case: str = CASE) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        resolve(bench, verdict, case)
    return caught.value.problem.status, caught.value.problem.code


def open_cases(bench: GatewayBench) -> list[str]:
    return [row["case_id"] for row in bench.rows()["cases"] if row["closed_at"] is None]


@pytest.fixture(name="journal")
def _journal(bench: GatewayBench) -> JournalOf:
    """Four notes; the gateway has all but the second."""
    journal = JournalOf(KIOSK)
    for number in range(1, 5):
        parents = ("e-2",) if number == 4 else ()
        journal.record(
            NoteCredited(None, f"n-{number}", 1000), entry_id=f"e-{number}", depends_on=parents
        )
    bench.desk.receive(journal.batch_of((1, 3)))
    return journal


def test_a_parked_entry_opens_one_case_however_often_it_is_reported(
    bench: GatewayBench, journal: JournalOf
) -> None:
    assert report(bench, parked(journal, 2)) == ["open"]
    before = bench.rows()["cases"]
    assert report(bench, parked(journal, 2)) == ["open"]
    (case,) = bench.rows()["cases"]
    assert [case] == before
    assert (case["case_id"], case["order_id"], case["reason"]) == (CASE, "o-1", "http_400")


@pytest.mark.parametrize("attempts", [-1, 2**31, 10**30])
def test_a_report_with_an_impossible_count_is_none(journal: JournalOf, attempts: int) -> None:
    told = ExceptionReport(KIOSK, "inc-1", (parked(journal, 2, attempts),))
    with pytest.raises(msgspec.ValidationError, match="attempts"):
        msgspec.json.decode(msgspec.json.encode(told), type=ExceptionReport)


def test_an_entry_that_is_recorded_is_no_exception(bench: GatewayBench, journal: JournalOf) -> None:
    assert report(bench, parked(journal, 3)) == ["recorded"]
    assert bench.rows()["cases"] == []


def test_a_report_that_contradicts_the_journal_known_here_is_an_alarm(
    bench: GatewayBench, journal: JournalOf
) -> None:
    other = JournalOf(KIOSK)
    for _ in range(4):
        other.record(KioskStarted("other"))
    with pytest.raises(Refused, match="history_differs"):
        report(bench, parked(other, 2))
    assert bench.rows()["cases"] == []
    assert kinds(bench.rows()["alarms"], "code") == ["history_differs"]


def test_an_entry_must_arrive_as_it_was_reported(bench: GatewayBench, journal: JournalOf) -> None:
    tail = JournalOf(KIOSK)
    tail.bodies, tail.hashes = journal.bodies[:3], journal.hashes[:4]
    tail.record(KioskStarted("fourth"))
    report(bench, parked(journal, 4))
    with pytest.raises(Refused, match="history_differs"):
        bench.desk.receive(tail.batch_of((4,)))


@pytest.mark.parametrize("verdict", [Verdict.SETTLED, Verdict.WITHDRAWN])
def test_an_ended_entry_lets_the_mark_go_on_without_its_content(
    bench: GatewayBench, journal: JournalOf, verdict: Verdict
) -> None:
    report(bench, parked(journal, 2))
    decided = resolve(bench, verdict)
    assert is_countersigned(decided, RECEIPT_KEY.public_key())
    assert (decided.seq, decided.entry_id, decided.verdict) == (2, "e-2", verdict)
    mark = bench.streams.mark(JOURNAL)
    assert (mark.high_water, mark.head_hash) == (3, journal.hashes[3].hex())
    assert open_cases(bench) == []
    assert report(bench, parked(journal, 2)) == ["closed"]


def test_what_follows_from_a_settled_entry_goes_on(bench: GatewayBench, journal: JournalOf) -> None:
    report(bench, parked(journal, 2))
    resolve(bench, Verdict.SETTLED)
    answer = bench.desk.receive(journal.batch_of((4,)))
    assert outcomes(answer) == [Outcome.ACCEPTED]
    assert answer.receipt.ack_seq == 4


def test_what_follows_from_a_withdrawn_entry_is_deferred_and_a_case(
    bench: GatewayBench, journal: JournalOf
) -> None:
    report(bench, parked(journal, 2))
    resolve(bench, Verdict.WITHDRAWN)
    answer = bench.desk.receive(journal.batch_of((4,)))
    assert (outcomes(answer), codes(answer)) == ([Outcome.DEFERRED], ["parent_rejected"])
    assert answer.receipt.ack_seq == 4
    assert open_cases(bench) == ["gw:inc-1:4"]


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [(Verdict.SETTLED, Outcome.DUPLICATE), (Verdict.WITHDRAWN, Outcome.REJECTED)],
)
def test_an_ended_entry_that_arrives_after_all_has_no_effect(
    bench: GatewayBench, journal: JournalOf, verdict: Verdict, outcome: Outcome
) -> None:
    report(bench, parked(journal, 2))
    resolve(bench, verdict)
    before = bench.ledger()
    answer = bench.desk.receive(journal.batch_of((2,)))
    assert (outcomes(answer), codes(answer)) == ([outcome], [verdict.value])
    assert bench.ledger() == before
    mark = bench.streams.mark(JOURNAL)
    assert (mark.high_water, mark.ahead) == (3, ())
    assert open_cases(bench) == []


def test_an_entry_that_arrives_before_anybody_decided_closes_its_case(
    bench: GatewayBench, journal: JournalOf
) -> None:
    report(bench, parked(journal, 2))
    answer = bench.desk.receive(journal.batch_of((2,)))
    assert outcomes(answer) == [Outcome.ACCEPTED]
    assert open_cases(bench) == []
    assert refusal(bench, Verdict.SETTLED) == (409, "case_closed")
    assert bench.ledger()["cash_box:QH-01"] == 3000


def test_an_entry_to_be_sent_again_is_parked_anew_when_it_is_refused_again(
    bench: GatewayBench, journal: JournalOf
) -> None:
    report(bench, parked(journal, 2))
    assert resolve(bench, Verdict.RESEND).verdict is Verdict.RESEND
    assert open_cases(bench) == []
    assert report(bench, parked(journal, 2, attempts=2)) == ["open"]
    assert open_cases(bench) == [CASE]
    resolve(bench, Verdict.SETTLED)
    verdicts = [each.verdict for each in bench.cases.decisions(JOURNAL, "").resolutions]
    assert verdicts == [Verdict.RESEND, Verdict.SETTLED]


def test_the_same_decision_again_is_the_same_and_another_is_refused(
    bench: GatewayBench, journal: JournalOf
) -> None:
    report(bench, parked(journal, 2))
    decided = resolve(bench, Verdict.SETTLED)
    assert resolve(bench, Verdict.SETTLED) == decided
    assert refusal(bench, Verdict.WITHDRAWN) == (409, "decided_otherwise")
    for unknown in ("no such case", "a\0b"):
        assert refusal(bench, Verdict.SETTLED, unknown) == (404, "unknown_case")


def test_decisions_come_once_for_each_cursor_and_only_for_their_journal(
    bench: GatewayBench, journal: JournalOf
) -> None:
    report(bench, parked(journal, 2))
    decided = resolve(bench, Verdict.SETTLED)
    page = bench.cases.decisions(JOURNAL, "")
    assert page.resolutions == (decided,)
    assert page.complete
    assert bench.cases.decisions(JOURNAL, page.cursor).resolutions == ()
    assert bench.cases.decisions(JOURNAL, page.cursor).cursor == page.cursor
    assert bench.cases.decisions(JournalId(KIOSK, "inc-2"), "").resolutions == ()
    assert bench.cases.decisions(JournalId("QH-02", "inc-1"), "").resolutions == ()
    with pytest.raises(Refused, match="cursor"):
        bench.cases.decisions(JOURNAL, "yesterday")


FAILING = {
    "rejected": (NoteCredited(None, "n-9", -5), (), "invalid_amount"),
    "deferred": (NoteCredited(None, "n-9", 1000), ("unheard of",), "parent_unknown"),
    "conflict": (NoteCredited(None, "n-1", 1000), (), "note_already_credited"),
}


@pytest.mark.parametrize("name", FAILING)
def test_every_entry_that_is_not_accepted_is_a_case_a_person_can_end(
    bench: GatewayBench, name: str
) -> None:
    fact, parents, code = FAILING[name]
    journal = JournalOf(KIOSK)
    journal.record(NoteCredited(None, "n-1", 1000))
    journal.record(fact, entry_id="e-2", depends_on=parents)
    answer = bench.desk.receive(journal.batch())
    assert (outcomes(answer)[1].value, codes(answer)[1]) == (name, code)
    (case,) = bench.rows()["cases"]
    assert (case["case_id"], case["reason"]) == ("gw:inc-1:2", code)
    assert case["amount_fen"] == fact.amount_fen

    assert refusal(bench, Verdict.RESEND, "gw:inc-1:2") == (409, "nothing_to_resend")
    decided = resolve(bench, Verdict.SETTLED, "gw:inc-1:2")
    assert (decided.seq, decided.entry_id) == (2, "e-2")
    assert open_cases(bench) == []


def test_what_nobody_can_read_is_a_case_too(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    journal.append_raw(b"{]")
    bench.desk.receive(journal.batch())
    assert open_cases(bench) == ["gw:inc-1:1"]
    assert resolve(bench, Verdict.WITHDRAWN, "gw:inc-1:1").entry_id == ""
