"""What staff see of the outbox: by class, what stands out, what to do; nothing of patients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store_forward.contract.facts import NoteCredited
from store_forward.contract.resolutions import Resolution, Verdict
from store_forward.contract.wire import Outcome
from store_forward.store import Store
from store_forward.store.network_status import SyncStatus
from store_forward.sync.outbox_report import masked_lane, report_outbox
from tests.unit.store.builders import (
    DEVICE,
    PATIENT_NAME,
    PATIENT_NUMBER,
    confirmed,
    entry,
    new_store,
    receipt,
    result,
)
from tests.unit.store.recovery.test_named_gaps import three_runs


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path / "store.db") as store:
        yield store


def a_mixed_outbox(store: Store) -> None:
    """Two entries answered, one of them rejected; an order held up; one settled; two that wait."""
    order = "0190aaaa-0000-7000-8000-00000abcdef1"
    credited = NoteCredited(order, "n-1", 1000)
    store.journal.append(
        [
            entry(1),
            entry(2),
            confirmed(3, order, "s1"),
            entry(4, credited, lane=f"order:{order}"),
            entry(5),
            entry(6, NoteCredited(None, "n-2", 1000)),
            entry(7, lane="order:other-000001"),
        ]
    )
    answers = [result(1, Outcome.ACCEPTED), result(2, Outcome.REJECTED, "unknown_kind")]
    store.outbox.record_answer(receipt(store, 1, 2), answers)
    for seq in (3, 7):
        store.outbox.park(seq, "http_400")
    store.resolutions.record(
        Resolution(
            1,
            DEVICE,
            store.identity.incarnation,
            7,
            "entry-7",
            Verdict.SETTLED,
            "counter",
            "staff-7",
            "2026-07-13T03:00:00.000Z",
            "gateway-1",
            "",
        )
    )


def test_what_waits_is_counted_by_class(store: Store) -> None:
    a_mixed_outbox(store)
    report = report_outbox(store)
    assert (report.head_seq, report.acked_seq, report.ahead) == (7, 2, 1)
    count = report.waiting
    assert (count.money, count.other, count.held) == (1, 1, 1)
    assert report.needs_somebody


def test_the_summary_says_what_to_do_and_names_no_patient(store: Store) -> None:
    a_mixed_outbox(store)
    text = report_outbox(store).render_status()
    for line in (
        "waiting     3",
        "parked      1",
        "rejected    1",
        "review      0",
        "resolved    1 settled, 0 withdrawn",
        "- parked: the gateway refuses it by itself",
        "- rejected: means nothing at the HIS",
    ):
        assert line in text, text
    assert PATIENT_NAME not in text
    assert PATIENT_NUMBER not in text


def test_every_exception_is_listed_with_its_case_and_no_whole_order(store: Store) -> None:
    a_mixed_outbox(store)
    lines = report_outbox(store).render_list().splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["2", "rejected"],
        ["3", "parked"],
        ["7", "settled"],
    ]
    assert f"parked:{store.identity.incarnation}:3" in lines[2]
    assert "order:…bcdef1" in lines[2]
    assert "not yet" in lines[2]


def test_an_empty_outbox_asks_nothing_of_anybody(store: Store) -> None:
    report = report_outbox(store)
    assert not report.needs_somebody
    assert "what to do  nothing" in report.render_status()
    assert "sync has not run yet" in report.render_status()
    assert report.render_list().startswith("no exceptions")


@pytest.mark.parametrize(
    ("word", "says"),
    [("rolled_back", "an older copy"), ("other_chain", "cloned disk"), ("fenced", "spare machine")],
)
def test_a_journal_the_gateway_contradicts_comes_before_everything(
    store: Store, word: str, says: str
) -> None:
    store.network_status.write_status(SyncStatus(False, "2026-07-13T03:00:00Z", journal=word))
    report = report_outbox(store)
    assert report.needs_somebody
    assert f"NOTHING IS SOLD ({word})" in report.render_status()
    assert says in report.render_status()


def test_what_both_copies_lost_is_named_and_is_not_waited_for(tmp_path: Path) -> None:
    disk = three_runs(tmp_path)
    disk.segments()[1].unlink()
    disk.database.unlink()
    disk.log.unlink()
    with disk.boot() as store:
        text = report_outbox(store).render_status()
        assert "waiting     7" in text
        assert "lost        entries 4 to 6, in both copies: the HIS is not told yet" in text
        store.outbox.record_answer(receipt(store, 1, 3, ack_seq=3), [])
        store.outbox.record_answer(receipt(store, 7, 10), [])
        text = report_outbox(store).render_status()
        assert "lost        entries 4 to 6, in both copies: the HIS goes on behind them" in text


def test_a_lane_is_known_by_the_end_of_its_name() -> None:
    assert masked_lane("kiosk") == "kiosk"
    assert masked_lane("order:0190aaaa-0000-7000-8000-00000abcdef1") == "order:…bcdef1"
