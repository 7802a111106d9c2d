"""A bundle opens the cases that a report by network opens, and is answered with decisions."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import select

from store_forward.contract.courier import (
    CONTENT_VERSION,
    CourierReceipts,
    NotABundle,
    Preface,
    encode_bundle,
    read_receipts,
)
from store_forward.contract.facts import NoteCredited
from store_forward.contract.recipients import RecipientsKey
from store_forward.contract.resolutions import (
    MAX_REPORTED,
    CaseVerdict,
    ExceptionReport,
    ParkedEntry,
    Verdict,
)
from store_forward.contract.sealed import Header, seal, signer_text
from store_forward.contract.signing import is_countersigned
from store_forward.contract.wire import Batch, BatchAnswer
from store_forward.gateway import case_desk
from store_forward.gateway.courier import BundleRefused, CourierDesk
from store_forward.gateway.problems import Refused
from store_forward.gateway.tables import open_case, withheld
from tests.fakes.journal_of import JournalOf
from tests.postgres.places import Places
from tests.unit.gateway.bench import DEVICE_KEY, KIOSK, RECEIPT_KEY, GatewayBench

COURIER = RecipientsKey(X25519PrivateKey.from_private_bytes(bytes(range(2, 34))))
POISON = b"e-2"


class Poisoned:
    """The bench's desk, behind something that refuses the second entry."""

    def __init__(self, bench: GatewayBench) -> None:
        self._bench = bench

    def receive(self, arrived: Batch) -> BatchAnswer:
        if any(POISON in bytes(item.entry) for item in arrived.items):
            raise Refused(422, "poison", "refused at the edge")
        return self._bench.desk.receive(arrived)


@pytest.fixture(name="journal")
def _journal() -> JournalOf:
    """Three notes, which follow one another."""
    journal = JournalOf(KIOSK)
    for number in range(1, 4):
        journal.record(NoteCredited(None, f"n-{number}", 1000), entry_id=f"e-{number}")
    return journal


@contextmanager
def another(places: Places) -> Iterator[GatewayBench]:
    with places.new() as place:
        bench = GatewayBench(place)
        try:
            yield bench
        finally:
            bench.close()


def bundle(folder: Path, preface: Preface, *batches: Batch, incarnation: str = "inc-1") -> Path:
    header = Header(
        kind="courier",
        device=KIOSK,
        incarnation=incarnation,
        number=1,
        made_at="",
        first_seq=0,
        last_seq=0,
        last_hash="",
        signer=signer_text(DEVICE_KEY.public_key()),
    )
    file = io.BytesIO()
    content = encode_bundle(preface, map(msgspec.json.encode, batches))
    seal(file, header, content, COURIER.recipient, DEVICE_KEY.sign)
    path = folder / "x.courier"
    path.write_bytes(file.getvalue())
    return path


def take(bench: GatewayBench, path: Path) -> CourierReceipts:
    key = DEVICE_KEY.public_key()
    desk = CourierDesk(
        Poisoned(bench), COURIER, lambda _: key, RECEIPT_KEY, "k1", bench.time, bench.cases
    )
    return desk.take(path)


def parked(journal: JournalOf, seq: int) -> ParkedEntry:
    """The entry as its kiosk reports it after the first refusal."""
    return ParkedEntry(
        seq=seq,
        hash=journal.hashes[seq].hex(),
        previous=journal.hashes[seq - 1].hex(),
        entry_id=f"e-{seq}",
        lane="kiosk",
        kind="note_credited",
        code="poison",
        attempts=1,
    )


def preface(*held: ParkedEntry, decided_to: int = 0) -> Preface:
    return Preface(CONTENT_VERSION, decided_to, held)


def rows(bench: GatewayBench) -> tuple[list[Any], list[Any]]:
    with bench.database.read() as connection:
        return (
            [tuple(row) for row in connection.execute(select(withheld))],
            [tuple(row) for row in connection.execute(select(open_case))],
        )


def test_a_refused_entry_leaves_the_rows_that_a_report_leaves(
    bench: GatewayBench, journal: JournalOf, tmp_path: Path, places: Places
) -> None:
    receipts = take(bench, bundle(tmp_path, preface(), journal.batch()))
    assert [(each.seq, each.code) for each in receipts.refused] == [(2, "poison")]
    assert [(each.seq, each.state) for each in receipts.cases] == [(2, "open")]
    with another(places) as network:
        network.desk.receive(journal.batch_of((1,)))
        network.cases.report(ExceptionReport(KIOSK, "inc-1", (parked(journal, 2),)))
        assert rows(bench) == rows(network)


def test_a_first_entry_that_is_refused_is_a_case_too(bench: GatewayBench, tmp_path: Path) -> None:
    journal = JournalOf(KIOSK)
    journal.record(NoteCredited(None, "n-2", 1000), entry_id="e-2")
    receipts = take(bench, bundle(tmp_path, preface(), journal.batch()))
    assert [each.case_id for each in receipts.cases] == ["parked:inc-1:1"]


def test_what_the_kiosk_holds_back_leaves_the_same_rows_however_often(
    bench: GatewayBench, journal: JournalOf, tmp_path: Path, places: Places
) -> None:
    bench.desk.receive(journal.batch_of((1,)))
    path = bundle(tmp_path, preface(parked(journal, 2)))
    for _ in range(2):
        receipts = take(bench, path)
        assert (receipts.answers, receipts.refused) == ((), ())
    with another(places) as network:
        network.desk.receive(journal.batch_of((1,)))
        network.cases.report(ExceptionReport(KIOSK, "inc-1", (parked(journal, 2),)))
        assert rows(bench) == rows(network)


def test_more_cases_than_a_report_holds_are_all_opened(bench: GatewayBench, tmp_path: Path) -> None:
    journal = JournalOf(KIOSK)
    for number in range(1, MAX_REPORTED + 2):
        journal.record(NoteCredited(None, f"n-{number}", 1000), entry_id=f"e-{number}")
    held = tuple(parked(journal, seq) for seq in (1, *range(3, MAX_REPORTED + 2)))
    batch = journal.batch_of((2,))
    receipts = take(bench, bundle(tmp_path, preface(*held), batch))
    assert len(receipts.cases) == MAX_REPORTED + 1
    assert len(rows(bench)[1]) == MAX_REPORTED + 1


def test_decisions_come_signed_and_after_the_one_that_is_known(
    bench: GatewayBench, journal: JournalOf, tmp_path: Path
) -> None:
    take(bench, bundle(tmp_path, preface(parked(journal, 2), parked(journal, 3))))
    verdict = CaseVerdict(KIOSK, Verdict.SETTLED, "staff-7", "checked")
    one = bench.cases.resolve("parked:inc-1:2", verdict)
    receipts = take(bench, bundle(tmp_path, preface()))
    assert receipts.decided.decisions == (one,)
    assert (receipts.decided.since, receipts.decided.until) == (0, one.number)
    assert is_countersigned(receipts.decided.decisions[0], RECEIPT_KEY.public_key())
    two = bench.cases.resolve("parked:inc-1:3", verdict)
    receipts = take(bench, bundle(tmp_path, preface(decided_to=one.number)))
    assert receipts.decided.decisions == (two,)
    data = msgspec.json.encode(receipts, order="sorted")
    assert read_receipts(data, RECEIPT_KEY.public_key()) == receipts
    receipts = take(bench, bundle(tmp_path, preface(decided_to=two.number)))
    assert (receipts.decided.decisions, receipts.decided.until) == ((), two.number)


def test_as_many_decisions_as_one_file_holds_and_the_rest_with_the_next(
    bench: GatewayBench, tmp_path: Path
) -> None:
    journal = JournalOf(KIOSK)
    for number in range(1, case_desk.PAGE + 2):
        journal.record(NoteCredited(None, f"n-{number}", 1000), entry_id=f"e-{number}")
    verdict = CaseVerdict(KIOSK, Verdict.WITHDRAWN, "staff-7", "checked")
    for seq in range(1, case_desk.PAGE + 2):
        bench.cases.report(ExceptionReport(KIOSK, "inc-1", (parked(journal, seq),)))
        bench.cases.resolve(f"parked:inc-1:{seq}", verdict)
    first = take(bench, bundle(tmp_path, preface())).decided
    assert (len(first.decisions), first.complete) == (case_desk.PAGE, False)
    rest = take(bench, bundle(tmp_path, preface(decided_to=first.until))).decided
    assert ([each.seq for each in rest.decisions], rest.complete) == ([case_desk.PAGE + 1], True)


def test_a_decision_about_another_journal_stays_here(
    bench: GatewayBench, journal: JournalOf, tmp_path: Path
) -> None:
    take(bench, bundle(tmp_path, preface(parked(journal, 2))))
    verdict = CaseVerdict(KIOSK, Verdict.SETTLED, "staff-7", "checked")
    bench.cases.resolve("parked:inc-1:2", verdict)
    assert take(bench, bundle(tmp_path, preface(), incarnation="inc-2")).decided.decisions == ()


@pytest.mark.parametrize("incarnation", ["", "two words", "x" * 65])
def test_a_header_that_names_no_journal_is_refused(
    bench: GatewayBench, tmp_path: Path, incarnation: str
) -> None:
    with pytest.raises(BundleRefused, match="names no journal"):
        take(bench, bundle(tmp_path, preface(), incarnation=incarnation))


def test_a_bundle_of_batches_alone_is_refused_with_nothing_applied(
    bench: GatewayBench, journal: JournalOf, tmp_path: Path
) -> None:
    without: Any = journal.batch()
    with pytest.raises(BundleRefused, match=r"its content is of version 0.*Nothing was applied"):
        take(bench, bundle(tmp_path, without))
    assert rows(bench) == ([], [])
    assert bench.rows()["batches"] == []


def test_answers_with_a_changed_decision_are_not_the_gateways(
    bench: GatewayBench, journal: JournalOf, tmp_path: Path
) -> None:
    take(bench, bundle(tmp_path, preface(parked(journal, 2))))
    verdict = CaseVerdict(KIOSK, Verdict.RESEND, "staff-7", "checked")
    bench.cases.resolve("parked:inc-1:2", verdict)
    receipts = take(bench, bundle(tmp_path, preface()))
    data = msgspec.json.encode(receipts, order="sorted")
    forged = data.replace(b'"verdict":"resend"', b'"verdict":"settled"')
    assert forged != data
    with pytest.raises(NotABundle, match="not signed"):
        read_receipts(forged, RECEIPT_KEY.public_key())
