"""Old entries go for good; the chain stays provable over the gap; the file gives its room back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.checkpoints import verify_checkpoint
from store_forward.contract.sealed import signer_text
from store_forward.store import Store
from store_forward.store.archive import purging
from store_forward.store.archive.anchors import Signer, is_due
from store_forward.store.archive.purge import Terms
from store_forward.store.audit.verify import verify_journal
from store_forward.store.driver import Access, IntegrityError, open_connection
from tests.unit.store.builders import (
    DEVICE,
    KEY,
    accepted,
    cancelled,
    confirmed,
    entries,
    entry,
    receipt,
)

DEVICE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = Signer(DEVICE_KEY.sign, signer_text(DEVICE_KEY.public_key()), "boot-1")
NOW = datetime(2027, 1, 1, tzinfo=UTC)
LATER = date(2027, 1, 1)
TERMS = Terms(days=90, kept_entries=2)


@pytest.fixture
def sent(store: Store) -> Store:
    """Twelve entries, ten receipted in two batches; an order that ended among the first."""
    store.journal.append([*entries(3), confirmed(4, "o1", "s1"), cancelled(5, "o1")])
    store.journal.append([entry(number) for number in range(6, 13)])
    store.outbox.record_answer(receipt(store, 1, 6), accepted(1, 6))
    store.outbox.record_answer(receipt(store, 7, 10), accepted(7, 10))
    return store


def purge(store: Store, today: date = LATER, terms: Terms = TERMS) -> int:
    return store.purge.step(terms, today, SIGNER, NOW)


def test_what_may_go_is_gone_with_all_that_belonged_to_it(sent: Store, path: Path) -> None:
    assert purge(sent) == 10
    assert [row.seq for row in sent.journal.read()] == [11, 12]
    assert sent.journal.base().seq == 10
    assert sent.journal.verify() is None
    assert [one.spans[-1].last_seq for one in sent.outbox.receipts()] == [10]
    connection = open_connection(path, KEY, Access.READ)
    assert connection.rows("SELECT count(*) FROM slot_sale") == [(0,)]
    connection.close()
    assert purge(sent) == 0


def test_within_the_term_nothing_goes(sent: Store) -> None:
    assert purge(sent, today=date(2026, 10, 11)) == 0
    assert purge(sent, today=date(2026, 10, 12)) == 10


def test_the_journal_goes_on_over_a_purge_and_a_restart(sent: Store, path: Path) -> None:
    purge(sent)
    sent.journal.append([entry(13)])
    assert [row.seq for row in sent.outbox.pending(10, 10**6).rows] == [11, 12, 13]
    before = sent.outbox.hash_at(10)
    assert before == sent.journal.base().hash
    sent.close()
    with Store.open(path, KEY, device=DEVICE) as store:
        assert store.recovery is None or not store.recovery.is_worth_telling
        store.journal.append([entry(14)])
        store.outbox.record_answer(receipt(store, 11, 14), accepted(11, 14))
        assert purge(store) == 0, "the receipt's end is among those that stay"
        assert store.journal.head().seq == 14
    assert verify_journal(path, KEY).ok


def test_everything_acknowledged_may_go_and_the_journal_still_goes_on(
    store: Store, path: Path
) -> None:
    store.journal.append(entries(4))
    store.outbox.record_answer(receipt(store, 1, 4), accepted(1, 4))
    assert purge(store, terms=Terms(90, 0)) == 4
    store.journal.append([entry(5)])
    assert store.journal.head().seq == 5
    assert store.outbox.backlog().count == 1
    store.close()
    with Store.open(path, KEY, device=DEVICE) as again:
        assert again.journal.head().seq == 5
    assert verify_journal(path, KEY).ok


def test_a_purge_leaves_a_signed_checkpoint_of_its_end(sent: Store) -> None:
    base_hash = sent.journal.hash_at(10)
    purge(sent)
    (checkpoint,) = sent.checkpoints.all()
    assert base_hash is not None
    assert (checkpoint.seq, checkpoint.hash) == (10, base_hash.hex())
    assert verify_checkpoint(checkpoint, DEVICE_KEY.public_key())


def test_rows_go_in_no_other_way(sent: Store, path: Path) -> None:
    purge(sent)
    connection = open_connection(path, KEY, Access.WRITE)
    for statement in (
        "DELETE FROM event",
        "DELETE FROM receipt WHERE last_seq > 10",
        "UPDATE event SET lane = 'x'",
        "UPDATE receipt SET body = X'00'",
    ):
        if statement.startswith("DELETE FROM receipt"):
            sent.outbox.record_answer(receipt(sent, 11, 12), accepted(11, 12))
        with pytest.raises(IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.execute("INSERT INTO purge VALUES (99, '')")
    connection.execute("UPDATE stream SET acked_seq = 11")
    with pytest.raises(IntegrityError, match="append-only"):
        connection.execute("DELETE FROM event WHERE seq = 12")
    connection.close()


def test_small_steps_do_it_all(store: Store) -> None:
    store.journal.append(entries(1300))
    for first in range(1, 1300, 100):
        store.outbox.record_answer(receipt(store, first, first + 99), [])
    gone = []
    while count := purge(store):
        gone.append(count)
    assert gone == [500, 500, 200]


def test_the_room_of_what_is_gone_comes_back(store: Store, path: Path) -> None:
    for _ in range(10):
        store.journal.append([entry(number) for number in range(1, 2001)])
    for first in range(1, 20_001, 500):
        store.outbox.record_answer(receipt(store, first, first + 499), [])
    while purge(store):
        pass
    connection = open_connection(path, KEY, Access.WRITE)
    connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.stat().st_size
    assert store.purge.give_room_back()
    connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert path.stat().st_size < before / 4
    assert not store.purge.give_room_back()
    assert store.journal.verify() is None


def test_a_file_of_which_much_stays_is_not_written_anew(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be held in memory as a whole. What is free in it is for new entries."""
    connection = open_connection(path, KEY, Access.WRITE)
    connection.execute("CREATE TABLE filling (bytes BLOB) STRICT")
    connection.execute("INSERT INTO filling VALUES (zeroblob(3000000))")
    connection.execute("INSERT INTO filling VALUES (zeroblob(6000000))")
    connection.execute("DELETE FROM filling WHERE length(bytes) > 3000000")
    connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.stat().st_size
    monkeypatch.setattr(purging, "MOST_KEPT_BYTES", 2_000_000)
    assert not store.purge.give_room_back()
    monkeypatch.setattr(purging, "MOST_KEPT_BYTES", 4_000_000)
    assert store.purge.give_room_back()
    connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert path.stat().st_size < before / 2


def test_a_checkpoint_is_due_at_rest_when_something_is_new_and_else_after_many() -> None:
    assert not is_due(5, 5, at_rest=True)
    assert is_due(6, 5, at_rest=True)
    assert not is_due(6, 5, at_rest=False)
    assert not is_due(260, 5, at_rest=False)
    assert is_due(261, 5, at_rest=False)


def test_a_checkpoint_says_where_the_chain_stands(store: Store) -> None:
    store.journal.append(entries(3))
    head = store.journal.head()
    for _ in range(2):
        store.checkpoints.make(head, SIGNER, NOW)
    (checkpoint,) = store.checkpoints.all()
    assert (checkpoint.seq, checkpoint.hash) == (3, head.hash.hex())
    assert (checkpoint.device, checkpoint.boot) == (DEVICE, "boot-1")
    assert (checkpoint.incarnation, checkpoint.counter) == (store.identity.incarnation, None)
    assert verify_checkpoint(checkpoint, DEVICE_KEY.public_key())
    assert not verify_checkpoint(checkpoint, Ed25519PrivateKey.generate().public_key())
    assert store.checkpoints.newest_seq() == 3
