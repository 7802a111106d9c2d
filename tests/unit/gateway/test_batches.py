"""Batches: recorded once, answered for every item, refused whole when they cannot be true."""

from __future__ import annotations

import msgspec
import pytest

from store_forward.contract.facts import KioskStarted, NoteCredited
from store_forward.contract.signing import verify_receipt
from store_forward.contract.wire import Batch, Outcome, Span
from store_forward.gateway.problems import Refused
from tests.fakes.journal_of import JournalOf
from tests.unit.gateway.bench import (
    KIOSK,
    RECEIPT_KEY,
    GatewayBench,
    a_paid_order,
    codes,
    kinds,
    outcomes,
)


def test_the_receipt_is_countersigned_and_acknowledges_the_last_entry(
    bench: GatewayBench,
) -> None:
    journal = JournalOf(KIOSK)
    a_paid_order(bench, journal)
    receipt = bench.send(journal).receipt
    assert verify_receipt(receipt, RECEIPT_KEY.public_key())
    assert receipt.spans == (Span(1, 6, journal.hashes[-1].hex()),)
    assert receipt.ack_seq == 6


def test_a_batch_sent_again_gets_the_same_receipt_and_changes_nothing(
    bench: GatewayBench,
) -> None:
    journal = JournalOf(KIOSK)
    a_paid_order(bench, journal)
    first = bench.send(journal)
    before = bench.rows()

    second = bench.send(journal)

    assert second.receipt == first.receipt
    assert set(outcomes(second)) == {Outcome.DUPLICATE}
    assert [r.his_ref for r in second.results] == [r.his_ref for r in first.results]
    assert bench.rows() == before


def test_a_batch_that_overlaps_applies_only_what_is_new(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    a_paid_order(bench, journal)
    bench.desk.receive(journal.batch(1, 4))
    answer = bench.desk.receive(journal.batch(2, 6))
    assert outcomes(answer) == [Outcome.DUPLICATE] * 3 + [Outcome.ACCEPTED] * 2
    assert answer.receipt.ack_seq == 6
    assert bench.ledger()["cash_box:QH-01"] == 3000


def test_an_old_part_sent_again_acknowledges_everything_recorded(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    a_paid_order(bench, journal)
    bench.send(journal)
    answer = bench.desk.receive(journal.batch(2, 3))
    assert answer.receipt.ack_seq == 6
    assert answer.receipt.spans[-1].last_seq == 3


def test_a_journal_rewritten_behind_the_mark_raises_an_alarm_and_applies_nothing(
    bench: GatewayBench,
) -> None:
    journal, rewritten = JournalOf(KIOSK), JournalOf(KIOSK)
    journal.record(KioskStarted("0.1.0"))
    rewritten.record(KioskStarted("0.2.0"))
    rewritten.record(NoteCredited(None, "n-1", 1000))
    bench.send(journal)
    with pytest.raises(Refused) as caught:
        bench.send(rewritten)
    assert (caught.value.problem.status, caught.value.problem.code) == (409, "history_differs")
    assert bench.ledger() == {}
    assert kinds(bench.rows()["alarms"], "code") == ["history_differs"]


def test_a_journal_forked_at_the_mark_raises_an_alarm(bench: GatewayBench) -> None:
    journal, forked = JournalOf(KIOSK), JournalOf(KIOSK)
    journal.record(KioskStarted("0.1.0"))
    forked.record(KioskStarted("0.2.0"))
    forked.record(KioskStarted("0.2.0"))
    bench.send(journal)
    with pytest.raises(Refused) as caught:
        bench.send(forked, first=2)
    assert caught.value.problem.code == "history_differs"


def broken(batch: Batch, what: str) -> Batch:
    items = list(batch.items)
    match what:
        case "entry":
            items[1] = msgspec.structs.replace(items[1], entry=msgspec.Raw(b"{}"))
        case "hash":
            items[1] = msgspec.structs.replace(items[1], hash="f" * 64)
        case "order":
            items.reverse()
        case "empty":
            items = []
        case "previous":
            items[0] = msgspec.structs.replace(items[0], previous="e" * 64)
        case "unproven hole":
            del items[1]
        case "unproven start":
            items[0] = msgspec.structs.replace(items[0], previous=None)
    return msgspec.structs.replace(batch, items=tuple(items))


@pytest.mark.parametrize(
    "what", ["entry", "hash", "order", "unproven hole", "unproven start", "empty", "previous"]
)
def test_a_batch_broken_in_itself_is_refused_whole(bench: GatewayBench, what: str) -> None:
    journal = JournalOf(KIOSK)
    a_paid_order(bench, journal)
    with pytest.raises(Refused) as caught:
        bench.desk.receive(broken(journal.batch(), what))
    assert caught.value.problem.status == 422
    assert bench.rows()["transactions"] == []


def test_a_batch_of_too_many_items_is_to_be_halved(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    for _ in range(501):
        journal.record(KioskStarted("0.1.0"))
    with pytest.raises(Refused) as caught:
        bench.send(journal)
    assert (caught.value.problem.status, caught.value.problem.code) == (413, "too_many_items")


POISON = {
    "no json": (b"{]", "undecodable"),
    "not an object": (b"7", "undecodable"),
    "no id": (b'{"fact":{"type":"kiosk_started","software":"x"}}', "undecodable"),
    "odd id": (b'{"id":"a b","fact":{"type":"kiosk_started"}}', "undecodable"),
    "unknown kind": (b'{"id":"e-1","fact":{"type":"tea_served"}}', "unknown_kind"),
    "newer schema": (b'{"id":"e-1","schema":9,"fact":{"type":"kiosk_started"}}', "unknown_schema"),
    "half a fact": (b'{"id":"e-1","fact":{"type":"note_credited"}}', "undecodable"),
    "invalid utf-8": (b'{"id":"\xff"}', "undecodable"),
    "deep": (b'{"id":"e-1","fact":' + b"[" * 5000 + b"]" * 5000 + b"}", "undecodable"),
}


@pytest.mark.parametrize("name", POISON)
def test_a_poisonous_entry_is_recorded_and_never_blocks(bench: GatewayBench, name: str) -> None:
    body, code = POISON[name]
    journal = JournalOf(KIOSK)
    journal.append_raw(body)
    journal.record(NoteCredited(None, "n-1", 1000))

    answer = bench.send(journal)

    assert outcomes(answer) == [Outcome.REJECTED, Outcome.ACCEPTED]
    assert answer.results[0].code == code
    assert answer.receipt.ack_seq == 2


def test_a_journal_rebuilt_in_a_new_incarnation_books_nothing_twice(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK, "inc-1")
    a_paid_order(bench, journal)
    bench.send(journal)
    before = bench.ledger()
    rebuilt = JournalOf(KIOSK, "inc-2")
    for body in journal.bodies:
        rebuilt.append_raw(body)
    assert set(outcomes(bench.send(rebuilt))) == {Outcome.DUPLICATE}
    assert bench.ledger() == before
    assert kinds(bench.rows()["alarms"], "code") == ["new_incarnation"]


def test_an_entry_id_used_for_another_content_is_a_conflict(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    journal.record(NoteCredited(None, "n-1", 1000), entry_id="e-1")
    journal.record(NoteCredited(None, "n-2", 1000), entry_id="e-1")
    assert codes(bench.send(journal)) == [None, "id_reused"]
    assert bench.ledger()["cash_box:QH-01"] == 1000
