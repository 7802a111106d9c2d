"""A backup is consistent, sealed, whole or not there; what it restores to goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from store_forward.contract.canonical import encode_entry
from store_forward.contract.facts import JournalReplaced
from store_forward.contract.recipients import RecipientsKey
from store_forward.contract.sealed import signed_by, signer_text
from store_forward.store import Store
from store_forward.store.archive.backup import BackupReport, create_backup
from store_forward.store.archive.restore import (
    Backup,
    BackupRefused,
    begin_anew,
    carried_over,
    opened_backup,
)
from store_forward.store.audit.verify import verify_journal
from store_forward.store.driver import Access, IntegrityError, open_connection
from store_forward.store.errors import DamagedStore, StoreError, StoreUnavailable
from store_forward.store.whole_file import FileInTheWay
from tests.fakes.bad_page import spoil_first_page_of
from tests.unit.store.builders import (
    DEVICE,
    KEY,
    OTHER_KEY,
    PATIENT_NAME,
    accepted,
    cancelled,
    confirmed,
    entries,
    entry,
    receipt,
)

ESCROW = RecipientsKey(X25519PrivateKey.from_private_bytes(bytes(range(32))))
DEVICE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = signer_text(DEVICE_KEY.public_key())
NOW = datetime(2026, 7, 13, 2, tzinfo=UTC)


def back_up(store: Path, out: Path) -> BackupReport:
    return create_backup(
        store,
        KEY,
        DEVICE,
        out,
        lock=ESCROW.recipient,
        sign=DEVICE_KEY.sign,
        signer=SIGNER,
        now=lambda: NOW,
    )


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick" / "kiosk-7.backup"


@pytest.fixture
def kept(store: Store, path: Path, out: Path) -> Path:
    """A backup: an order acknowledged and ended, one acknowledged and open, two entries unsent."""
    store.journal.append([entry(1), confirmed(2, "o1", "s1"), cancelled(3, "o1")])
    store.journal.append([confirmed(4, "o2", "s2"), *[entry(number) for number in range(5, 8)]])
    store.outbox.record_answer(receipt(store, 1, 5), accepted(1, 5))
    back_up(path, out)
    return out


def opened(out: Path, tmp_path: Path, key: RecipientsKey = ESCROW) -> Iterator[Backup]:
    def silent(_what: str, _done: int, _total: int) -> None: ...

    with opened_backup(out, key, signed_by(SIGNER), DEVICE, tmp_path, silent) as backup:
        yield backup


def replaced(backup: Backup) -> JournalReplaced:
    return JournalReplaced(backup.identity.incarnation, "restored", backup.head.seq + 1, 0, 6, 7)


def restored(out: Path, tmp_path: Path, onto: Path) -> None:
    for backup in opened(out, tmp_path):
        first = entry(100, replaced(backup))
        begin_anew(onto, OTHER_KEY, backup, first, carried_over(backup), [entry(101)])


def test_a_backup_says_openly_whose_it_is_and_how_far_it_goes(
    store: Store, path: Path, out: Path
) -> None:
    store.journal.append(entries(5))
    report = back_up(path, out)
    header = report.header
    assert (header.device, header.incarnation) == (DEVICE, store.identity.incarnation)
    assert (header.first_seq, header.last_seq, header.number) == (1, 5, 1)
    assert (report.waiting, report.size) == (5, out.stat().st_size)


def test_backups_are_numbered(store: Store, path: Path, out: Path) -> None:
    store.journal.append(entries(1))
    back_up(path, out)
    assert back_up(path, out.with_name("second")).header.number == 2


def test_nothing_but_the_backup_is_left_and_it_tells_nothing(kept: Path) -> None:
    assert [one.name for one in kept.parent.iterdir()] == [kept.name]
    assert PATIENT_NAME.encode() not in kept.read_bytes()


def test_a_file_that_is_there_stays(store: Store, path: Path, out: Path) -> None:
    store.journal.append(entries(1))
    out.write_bytes(b"precious")
    with pytest.raises(FileInTheWay, match="not touched"):
        back_up(path, out)
    assert out.read_bytes() == b"precious"


def test_a_folder_that_is_not_there_is_named(store: Store, path: Path, out: Path) -> None:
    with pytest.raises(StoreUnavailable, match="nowhere"):
        back_up(path, out.parent / "nowhere" / "x")


def test_core_goes_on_while_a_backup_is_made(store: Store, path: Path, out: Path) -> None:
    store.journal.append(entries(50))
    told: list[str] = []

    def append(what: str, _done: int, _total: int) -> None:
        told.append(what)
        store.journal.append([entry(100 + len(told))])

    report = create_backup(
        path,
        KEY,
        DEVICE,
        out,
        lock=ESCROW.recipient,
        sign=DEVICE_KEY.sign,
        signer=SIGNER,
        now=lambda: NOW,
        progress=append,
    )
    assert report.header.last_seq == 50
    assert set(told) == {"copied", "sealed"}
    assert store.journal.head().seq == 50 + len(told)


def test_a_backup_opens_with_the_escrow_key_only(kept: Path, tmp_path: Path) -> None:
    for backup in opened(kept, tmp_path):
        assert (backup.head.seq, backup.acked_seq) == (7, 5)
    with pytest.raises(BackupRefused, match="sealed for key"):
        list(opened(kept, tmp_path, RecipientsKey(X25519PrivateKey.generate())))
    assert not list(tmp_path.glob(".restoring*"))


def test_what_may_be_unsent_and_what_is_open_is_carried_over(kept: Path, tmp_path: Path) -> None:
    for backup in opened(kept, tmp_path):
        bodies = list(carried_over(backup))
        wanted = [confirmed(4, "o2", "s2"), entry(6), entry(7)]
        assert bodies == [encode_entry(one) for one in wanted]


def test_the_new_journal_names_the_old_one_first(kept: Path, tmp_path: Path) -> None:
    onto = tmp_path / "spare" / "store.db"
    onto.parent.mkdir()
    restored(kept, tmp_path, onto)
    with Store.open(onto, OTHER_KEY, device=DEVICE) as spare:
        rows = spare.journal.read()
        ids = [row.entry().id for row in rows]
        assert ids == ["entry-100", "entry-4", "entry-6", "entry-7", "entry-101"]
        assert isinstance(rows[0].entry().fact, JournalReplaced)
        assert spare.outbox.acked_seq() == 0
        spare.journal.append([entry(200)])
    assert verify_journal(onto, OTHER_KEY).ok


def test_a_store_that_is_there_is_not_restored_over(kept: Path, tmp_path: Path, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(FileInTheWay):
        restored(kept, tmp_path, path)
    assert path.read_bytes() == before


def test_a_mirror_of_another_journal_is_not_restored_over(kept: Path, tmp_path: Path) -> None:
    onto = tmp_path / "spare" / "store.db"
    onto.parent.mkdir()
    with Store.open(onto, OTHER_KEY, device=DEVICE, create=True) as other:
        other.journal.append(entries(1))
    onto.unlink()
    with pytest.raises(BackupRefused, match="mirror of a journal"):
        restored(kept, tmp_path, onto)
    assert not onto.exists()


def test_another_kiosks_backup_is_refused(kept: Path, tmp_path: Path) -> None:
    def silent(_what: str, _done: int, _total: int) -> None: ...

    with (
        pytest.raises(BackupRefused, match="it is of kiosk kiosk-7, this is kiosk-8"),
        opened_backup(kept, ESCROW, signed_by(SIGNER), "kiosk-8", tmp_path, silent),
    ):
        pass


def test_each_spoilt_backup_is_refused_and_nothing_is_made(kept: Path, tmp_path: Path) -> None:
    whole = kept.read_bytes()
    onto = tmp_path / "spare" / "store.db"
    onto.parent.mkdir()
    for at in range(0, len(whole), 1000):
        kept.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(StoreError):
            restored(kept, tmp_path, onto)
    for length in range(0, len(whole), 3000):
        kept.write_bytes(whole[:length])
        with pytest.raises(StoreError):
            restored(kept, tmp_path, onto)
    assert not list(onto.parent.iterdir())


@pytest.mark.parametrize("table", ["event", "receipt"])
def test_of_a_damaged_store_there_is_no_backup_and_core_is_told(
    store: Store, path: Path, tmp_path: Path, table: str
) -> None:
    """A page that does not open is copied as zeros: the copy would be whole, signed and wrong."""
    store.journal.append(entries(100))
    spoil_first_page_of(table, path, KEY)
    out = tmp_path / "disk" / "kiosk.backup"
    out.parent.mkdir()
    with pytest.raises(DamagedStore, match=r"store\.db"):
        back_up(path, out)
    assert list(out.parent.iterdir()) == []
    with pytest.raises(DamagedStore, match="while it was in use"):
        store.require_sound()


def test_a_backup_that_the_store_cannot_remember_is_none(
    store: Store, path: Path, tmp_path: Path
) -> None:
    store.journal.append(entries(3))
    out = tmp_path / "kiosk.backup"
    connection = open_connection(path, KEY, Access.WRITE)
    connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON status WHEN NEW.name = 'backup' "
        "BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    connection.close()
    with pytest.raises(IntegrityError):
        back_up(path, out)
    assert not out.exists()
