from __future__ import annotations

from pathlib import Path

import pytest

from store_forward.store import Store
from store_forward.store.audit.verify import verify_journal
from store_forward.store.errors import NotEncrypted, StoreMissing, WrongKey
from tests.unit.store.builders import (
    KEY,
    OTHER_KEY,
    accepted,
    cancelled,
    confirmed,
    entries,
    entry,
    new_store,
    receipt,
    tampering,
)


@pytest.fixture
def sent(path: Path) -> Path:
    """A closed store: two sales, one cancelled, nine entries of which six are receipted."""
    with new_store(path) as store:
        store.journal.append([*entries(5), confirmed(6, "o1", "s1"), confirmed(7, "o2", "s2")])
        store.journal.append([cancelled(8, "o1"), entry(9)])
        store.outbox.record_answer(receipt(store, 1, 3), accepted(1, 3))
        store.outbox.record_answer(receipt(store, 4, 6), accepted(4, 6))
    return path


def test_an_intact_journal_is_reported_with_its_extent(sent: Path) -> None:
    report = verify_journal(sent, KEY)
    assert report.ok
    assert (report.entries, report.head_seq, report.acked_to) == (9, 9, 6)
    assert (report.receipts, report.receipted_to) == (2, 6)
    text = report.render()
    assert report.head_hash in text
    assert "complete and unchanged" in text
    assert "signatures not checked" in text


def test_a_journal_in_use_can_be_verified(store: Store, path: Path) -> None:
    store.journal.append(entries(3))
    assert verify_journal(path, KEY).entries == 3


def test_verifying_changes_nothing(sent: Path) -> None:
    before = sent.read_bytes()
    verify_journal(sent, KEY)
    assert sent.read_bytes() == before


@pytest.mark.parametrize(
    ("tamper", "says", "first_bad"),
    [
        ("UPDATE event SET body = X'7b7d' WHERE seq = 4", "entry 4 does not match its hash", 4),
        ("UPDATE event SET lane = 'order:o9' WHERE seq = 6", "entry 6 is filed as", 6),
        ("UPDATE event SET kind = 'note_credited' WHERE seq = 2", "entry 2 is filed as", 2),
        ("DELETE FROM event WHERE seq IN (2, 3)", "entries 2 to 3 are missing", 2),
        ("DELETE FROM event WHERE seq > 5", "the HIS has entries that this journal lacks", 6),
        ("DELETE FROM receipt WHERE last_seq = 6", "receipts cover only up to 3", None),
        ("UPDATE stream SET acked_seq = 8", "marked acknowledged", None),
        ("DELETE FROM slot_sale WHERE order_id = 'o2'", "slot sale of order o2", None),
        ("UPDATE slot_sale SET freed_by = NULL", "slot sale of order o1", None),
        ("UPDATE identity SET incarnation = 'x'", "another kiosk or incarnation", 7),
        ("DELETE FROM identity", "names 0 kiosks", 7),
        ("UPDATE receipt SET body = X'7b7d' WHERE last_seq = 6", "unexpected content", None),
        ("DROP TABLE slot_sale", "unexpected content", None),
    ],
)
def test_tampering_is_found_and_named(
    sent: Path, tamper: str, says: str, first_bad: int | None
) -> None:
    with tampering(sent) as connection:
        connection.execute(tamper)
    report = verify_journal(sent, KEY)
    assert any(says in problem for problem in report.problems), report.problems
    assert report.first_bad == first_bad
    assert says in report.render()


def test_an_entry_rewritten_with_a_fitting_hash_contradicts_its_receipt(sent: Path) -> None:
    with new_store(sent.with_name("other.db")) as other:
        other.journal.append([*entries(5), confirmed(6, "o1", "s9")])
        forged = other.journal.read(5, 1)[0]
    with tampering(sent) as connection:
        connection.execute(
            "UPDATE event SET body = ?, hash = ? WHERE seq = 6", (forged.body, forged.hash)
        )
    report = verify_journal(sent, KEY)
    assert any("received another entry" in problem for problem in report.problems)
    assert report.first_bad == 6


def test_receipts_are_checked_with_the_gateways_key_when_it_is_given(sent: Path) -> None:
    assert verify_journal(sent, KEY, lambda signature, told: True).ok
    report = verify_journal(sent, KEY, lambda signature, told: b'"first_seq":1' in told)
    assert report.receipted_to == 3
    assert any("4 to 6 is not signed" in problem for problem in report.problems)


def test_damaged_pages_are_a_finding_and_not_a_crash(sent: Path) -> None:
    content = bytearray(sent.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 + 7] ^= 0xFF
    sent.write_bytes(content)
    report = verify_journal(sent, KEY)
    assert not report.ok
    assert "cannot be opened" in report.render()
    assert "bytes 8192 to 12288: page 3 is not what was written" in report.render()


def test_what_cannot_be_looked_at_is_an_error(sent: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongKey):
        verify_journal(sent, OTHER_KEY)
    with pytest.raises(StoreMissing):
        verify_journal(tmp_path / "none.db", KEY)
    plain = tmp_path / "plain.db"
    plain.write_bytes(b"SQLite format 3\x00" + bytes(4080))
    with pytest.raises(NotEncrypted):
        verify_journal(plain, KEY)


def test_a_long_list_of_problems_is_cut_and_counted(path: Path) -> None:
    with new_store(path) as store:
        store.journal.append(entries(80))
    with tampering(path) as connection:
        connection.execute("UPDATE event SET lane = 'x'")
    text = verify_journal(path, KEY).render()
    assert "80 problem(s)" in text
    assert "and 30 more" in text
