"""A kiosk that only ever sends sticks: what is refused is a case there, and a person's decision
comes back and ends it here."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.courier import CourierReceipts
from store_forward.contract.facts import CaseOpened, Entry, NoteCredited
from store_forward.contract.resolutions import Resolution, Verdict
from store_forward.contract.signing import countersign
from store_forward.gateway.courier import BundleRefused
from store_forward.gateway.receipt_key import receipt_key
from store_forward.store.archive.courier import CourierRefused, NothingToCarry, NotTheGateways
from store_forward.store.audit.verify import verify_journal
from store_forward.store.sending.outbox import Standing
from store_forward.store.store import Store
from tests.fakes.journal_of import entry_of
from tests.fakes.kiosk_in_sync import KEY
from tests.integration.courier.rounds import Courier
from tests.integration.sync.books import DEVICE, recorded


def note(courier: Courier, number: int, lane: str) -> Entry:
    """A note in a lane of its own order, which the gateway takes by itself."""
    entry = entry_of(NoteCredited(None, f"{courier.incarnation}-{number}", 1000))
    return msgspec.structs.replace(entry, lane=f"order:{lane}")


@pytest.fixture(name="poison")
def _poison(courier: Courier) -> bytes:
    """Four notes in three lanes; the second is refused, and the fourth follows it."""
    notes = [note(courier, number, lane) for number, lane in enumerate("abcb")]
    courier.kiosk.core.journal.append(notes)
    return notes[1].id.encode()


@pytest.fixture(name="parked")
def _parked(courier: Courier, poison: bytes) -> bytes:
    """The first round is over: the second note is parked, and a case."""
    courier.bring_back(courier.deliver_past(poison, courier.export().path))
    return poison


def read(courier: Courier, receipts: CourierReceipts, **changes: object) -> CourierReceipts:
    decided = msgspec.structs.replace(receipts.decided, **changes)
    return msgspec.structs.replace(receipts, decided=decided)


def expect_nothing_changed_by(courier: Courier, receipts: CourierReceipts, why: str) -> None:
    before = courier.view()
    with pytest.raises(CourierRefused, match=why):
        courier.bring_back(courier.signed_again(receipts))
    assert courier.view() == before


# --- what the gateway learns ---------------------------------------------------------------------


def test_what_a_bundle_is_refused_of_is_a_case_once(courier: Courier, poison: bytes) -> None:
    bundle = courier.export().path
    for _ in range(2):
        courier.deliver_past(poison, bundle)
        assert courier.cases() == [(2, "poison", True)]
        assert courier.withheld() == [(2, "order:b", "parked")]
    assert [seq for seq, _ in recorded(courier.gateway, courier.kiosk)] == [1, 3]


def test_the_kiosk_holds_it_back_and_knows_that_the_gateway_knows(
    courier: Courier, parked: bytes
) -> None:
    (matter,) = courier.kiosk.core.matters.newest_open(10)
    assert (matter.seq, matter.state, matter.is_reported) == (2, Standing.PARKED, True)
    assert matter.case_id == f"parked:{courier.incarnation}:2"
    assert courier.kiosk.core.outbox.ahead() == ((3, 3),)


def test_what_was_parked_before_is_told_without_its_content(
    courier: Courier, poison: bytes
) -> None:
    courier.kiosk.core.outbox.park(2, "http_400")
    exported = courier.export()
    assert (exported.count, exported.parked_count) == (2, 1)
    preface = courier.opened(exported.path).preface
    assert poison.decode() == preface.parked[0].entry_id
    assert b"amount" not in msgspec.json.encode(preface)
    assert not courier.kiosk.core.matters.newest_open(10)[0].is_reported
    for _ in range(2):
        courier.bring_back(courier.deliver(exported.path).path)
    assert courier.cases() == [(2, "http_400", True)]
    assert courier.kiosk.core.matters.newest_open(10)[0].is_reported


def test_a_bundle_is_written_when_nothing_waits_but_a_decision(
    courier: Courier, parked: bytes
) -> None:
    exported = courier.export()
    header = exported.header
    assert (exported.count, header.first_seq, header.last_seq, header.last_hash) == (0, 0, 0, "")
    assert exported.parked_count == 1
    imported = courier.bring_back(courier.deliver(exported.path).path)
    assert (imported.acked_seq, imported.decided, imported.parked) == (1, (), ())


def test_what_an_old_disk_holds_back_of_another_history_opens_no_case(
    courier: Courier, tmp_path: Path
) -> None:
    courier.kiosk.record_starts(2)
    courier.round()
    clone = tmp_path / "clone" / "store.db"
    clone.parent.mkdir()
    incarnation = courier.incarnation
    with Store.open(clone, KEY, device=DEVICE, create=True, incarnation=incarnation) as store:
        store.journal.append([note(courier, 1, "a")])
        store.outbox.park(1, "http_400")
    other = dataclasses.replace(courier, store=clone, stick=clone.parent)
    with pytest.raises(BundleRefused, match="history_differs"):
        other.deliver(other.export().path)
    assert courier.cases() == []


# --- what comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [Verdict.SETTLED, Verdict.WITHDRAWN])
def test_a_decision_ends_it_at_the_kiosk_and_its_lane_goes_on(
    courier: Courier, parked: bytes, verdict: Verdict
) -> None:
    courier.decide(2, verdict)
    (decided,) = courier.round().decided
    assert (decided.seq, decided.verdict, decided.note) == (2, verdict, "looked_at")
    core = courier.kiosk.core
    assert core.outbox.outcome_of_entry(2) is Standing(verdict.value)
    assert core.matters.count_open() == 0
    assert core.outbox.acked_seq() == 3
    assert courier.round().acked_seq == 4
    assert [seq for seq, _ in recorded(courier.gateway, courier.kiosk)] == [1, 3, 4]
    assert verify_journal(courier.store, KEY).ok


def test_what_is_to_be_sent_again_goes_with_the_next_stick(courier: Courier, parked: bytes) -> None:
    courier.decide(2, Verdict.RESEND)
    assert [each.verdict for each in courier.round().decided] == [Verdict.RESEND]
    assert courier.kiosk.core.outbox.parked() == []
    assert courier.round().acked_seq == 4
    assert recorded(courier.gateway, courier.kiosk) == [(n, "accepted") for n in range(1, 5)]
    assert courier.cases() == [(2, "poison", False)]
    with pytest.raises(NothingToCarry):
        courier.export()


def test_a_case_that_the_kiosk_opened_is_ended(courier: Courier) -> None:
    case_id = f"case-{courier.incarnation}"
    courier.kiosk.record(CaseOpened(case_id, None, "note_uncertain", 5000, "A-0302-0008-M"))
    courier.round()
    assert courier.kiosk.core.matters.count_open() == 1
    courier.decide(1, Verdict.SETTLED, case_id)
    assert len(courier.round().decided) == 1
    assert courier.kiosk.core.matters.count_open() == 0
    with pytest.raises(NothingToCarry):
        courier.export()


def test_answers_brought_twice_decide_once(courier: Courier, parked: bytes) -> None:
    courier.decide(2, Verdict.SETTLED)
    answers = courier.deliver(courier.export().path).path
    assert len(courier.bring_back(answers).decided) == 1
    after = courier.view()
    assert courier.bring_back(answers).decided == ()
    assert courier.view() == after


def test_refusals_brought_twice_park_once(courier: Courier, poison: bytes) -> None:
    answers = courier.deliver_past(poison, courier.export().path)
    assert courier.bring_back(answers).parked == (2,)
    after = courier.view()
    assert courier.bring_back(answers).parked == (2,)
    assert courier.view() == after


@pytest.mark.parametrize("verdict", list(Verdict))
def test_old_answers_undo_no_decision(courier: Courier, poison: bytes, verdict: Verdict) -> None:
    old = courier.deliver_past(poison, courier.export().path)
    courier.bring_back(old)
    courier.decide(2, verdict)
    courier.round()
    after = courier.view()
    assert courier.bring_back(old).parked == ()
    assert courier.view() == after


def test_an_old_bundle_opens_no_case_that_was_ended(courier: Courier, parked: bytes) -> None:
    old = courier.export().path
    courier.decide(2, Verdict.RESEND)
    answers = courier.deliver(old)
    assert courier.cases() == [(2, "poison", False)]
    assert [each.seq for each in courier.bring_back(answers.path).decided] == [2]


def test_what_is_refused_again_after_a_decision_is_a_case_again(
    courier: Courier, parked: bytes
) -> None:
    courier.decide(2, Verdict.RESEND)
    courier.round()
    bundle = courier.export().path
    imported = courier.bring_back(courier.deliver_past(parked, bundle))
    assert imported.parked == (2,)
    assert courier.cases() == [(2, "poison", True)]
    assert [each.seq for each in courier.kiosk.core.outbox.parked()] == [2]


def test_what_is_recorded_there_after_all_goes_out_again_for_a_receipt(
    courier: Courier, poison: bytes
) -> None:
    bundle = courier.export().path
    courier.bring_back(courier.deliver_past(poison, bundle))
    courier.deliver(bundle)  # it was mended meanwhile; these answers are lost
    courier.round()
    assert courier.kiosk.core.outbox.parked() == []
    assert courier.round().acked_seq == 4
    assert courier.kiosk.core.outbox.exceptions() == []


def test_what_the_network_brought_meanwhile_is_known(courier: Courier, parked: bytes) -> None:
    bundle = courier.export().path
    courier.decide(2, Verdict.SETTLED)
    gateway, kiosk = courier.gateway, courier.kiosk
    kiosk.connect(gateway.url, gateway.authority, gateway.receipt_key, courier.key)
    kiosk.step_until(lambda: bool(kiosk.core.resolutions.all()))
    kiosk.drain()
    kiosk.hang_up()
    before = courier.view()
    assert courier.bring_back(courier.deliver(bundle).path).decided == ()
    assert courier.view() == before


def test_decisions_of_two_rounds_follow_one_another(courier: Courier) -> None:
    mark = courier.incarnation
    courier.kiosk.record(
        *(CaseOpened(f"{n}-{mark}", None, "note_uncertain", 100, "") for n in range(3))
    )
    courier.round()
    first = courier.export().path
    courier.decide(1, Verdict.SETTLED, f"0-{mark}")
    early = courier.deliver(first).path
    courier.decide(2, Verdict.SETTLED, f"1-{mark}")
    late = courier.deliver(courier.export().path).path
    assert [each.seq for each in courier.bring_back(late).decided] == [1, 2]
    cursor = courier.kiosk.core.resolutions.cursor()
    assert courier.bring_back(early).decided == ()
    assert courier.kiosk.core.resolutions.cursor() == cursor
    courier.decide(3, Verdict.WITHDRAWN, f"2-{mark}")
    taken = courier.deliver(courier.export().path)
    assert [each.seq for each in taken.receipts.decided.decisions] == [3]
    assert len(courier.bring_back(taken.path).decided) == 1


# --- what is forged or damaged -------------------------------------------------------------------


@pytest.fixture(name="answers")
def _answers(courier: Courier, parked: bytes) -> CourierReceipts:
    """Answers with a receipt and a decision, not yet brought back."""
    courier.kiosk.core.journal.append([note(courier, 9, "d")])
    courier.decide(2, Verdict.SETTLED)
    receipts = courier.deliver(courier.export().path).receipts
    assert len(receipts.answers) == len(receipts.decided.decisions) == 1
    return receipts


def changed(courier: Courier, answers: CourierReceipts, **changes: object) -> Resolution:
    """The decision with other words, which the gateway's own key has signed."""
    (decision,) = answers.decided.decisions
    decision = msgspec.structs.replace(decision, **changes)
    return countersign(decision, receipt_key(courier.gateway.directory))


def test_each_flipped_byte_is_refused_with_nothing_changed(
    courier: Courier, answers: CourierReceipts
) -> None:
    path = courier.write(answers)
    whole = path.read_bytes()
    before = courier.view()
    for at in range(0, len(whole), 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(CourierRefused):
            courier.bring_back(path)
    assert courier.view() == before
    path.write_bytes(whole)
    assert len(courier.bring_back(path).decided) == 1


def test_a_decision_that_another_key_signed_is_refused_with_nothing_changed(
    courier: Courier, answers: CourierReceipts
) -> None:
    forged = countersign(answers.decided.decisions[0], Ed25519PrivateKey.generate())
    good = answers.decided.decisions[0]
    before = courier.view()
    with pytest.raises(NotTheGateways, match="a decision in it is not signed"):
        courier.bring_back(courier.signed_again(read(courier, answers, decisions=(good, forged))))
    assert courier.view() == before


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"incarnation": "another-life"}, "it is about"),
        ({"device": "QH-K99"}, "it is about"),
        ({"entry_id": "another"}, "another id"),
        ({"seq": 99}, "has no entry 99"),
    ],
)
def test_a_decision_that_is_not_about_our_journal_is_refused_with_nothing_changed(
    courier: Courier, answers: CourierReceipts, other: dict[str, object], why: str
) -> None:
    strange = changed(courier, answers, number=answers.decided.until + 1, **other)
    decisions = (*answers.decided.decisions, strange)
    expect_nothing_changed_by(courier, read(courier, answers, decisions=decisions), why)


def test_a_refusal_of_an_entry_we_do_not_have_is_refused_with_nothing_changed(
    courier: Courier, poison: bytes
) -> None:
    path = courier.deliver_past(poison, courier.export().path)
    answers = msgspec.json.decode(path.read_bytes(), type=CourierReceipts)
    refusal = msgspec.structs.replace(answers.refused[0], seq=99)
    strange = msgspec.structs.replace(answers, refused=(refusal,))
    expect_nothing_changed_by(courier, strange, "which our journal does not have")


def test_a_spoilt_bundle_without_entries_opens_no_case(courier: Courier, poison: bytes) -> None:
    courier.kiosk.core.outbox.park(2, "http_400")
    whole = courier.export().path.read_bytes()
    spoilt = courier.stick / "spoilt.courier"
    for at in range(0, len(whole), 100):
        spoilt.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(BundleRefused):
            courier.deliver(spoilt)
    assert courier.cases() == []
    assert courier.withheld() == []
