from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from store_forward.store import Role, Store, StoreKey
from store_forward.store.driver import Access, open_connection
from store_forward.store.errors import (
    DamagedStore,
    ForeignStore,
    NotEncrypted,
    SchemaTooNew,
    SchemaTooOld,
    StoreError,
    StoreMissing,
    StoreUnavailable,
    WrongKey,
)
from store_forward.store.mirror.segment import mirror_of
from tests.unit.store.builders import (
    DEVICE,
    KEY,
    OTHER_KEY,
    entries,
    entry,
    new_store,
    tampering,
)

PAGE = 4096


def reopen(path: Path, key: StoreKey = KEY) -> Store:
    """As sync does it: who does not keep the journal mends nothing."""
    return Store.open(path, key, device=DEVICE, role=Role.GUEST)


@pytest.fixture
def filled(path: Path) -> Path:
    """A closed store with 200 entries in it."""
    with new_store(path) as store:
        store.journal.append(entries(200))
    return path


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def test_what_was_stored_is_there_after_reopening(filled: Path) -> None:
    with reopen(filled) as store:
        assert store.journal.head().seq == 200
        assert [row.entry() for row in store.journal.read(0, 200)] == entries(200)


def test_creating_leaves_one_file_with_its_mirror_and_keeps_an_existing_store(
    filled: Path,
) -> None:
    assert sorted(file.name for file in filled.parent.iterdir()) == ["store.db", "store.db.mirror"]
    with Store.open(filled, KEY, device=DEVICE, create=True) as store:
        assert store.journal.head().seq == 200


def test_every_new_store_has_its_own_incarnation(tmp_path: Path) -> None:
    with new_store(tmp_path / "a.db") as a, new_store(tmp_path / "b.db") as b:
        assert a.identity.incarnation != b.identity.incarnation
        first = a.identity
    with reopen(tmp_path / "a.db") as again:
        assert again.identity == first


def test_a_missing_store_is_not_created_unasked(path: Path) -> None:
    with pytest.raises(StoreMissing, match=str(path)):
        reopen(path)
    assert not path.exists()


def test_a_wrong_key_is_refused_and_the_store_stays_as_it_was(filled: Path) -> None:
    before = filled.read_bytes()
    with pytest.raises(WrongKey, match=r"store\.db.*either the key is another one"):
        reopen(filled, OTHER_KEY)
    with pytest.raises(WrongKey):
        Store.open(filled, OTHER_KEY, device=DEVICE, create=True)
    assert filled.read_bytes() == before


def test_a_wrong_key_does_not_harm_what_is_still_in_the_log(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with new_store(path) as store:
        store.journal.append(entries(50))
        # As after a crash: the newest entries stand in the log alone.
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    with pytest.raises(WrongKey):
        reopen(copy, OTHER_KEY)
    with reopen(copy) as recovered:
        assert [row.entry() for row in recovered.journal.read()] == entries(50)


def test_without_any_key_the_file_is_no_database(filled: Path) -> None:
    connection = sqlite3.connect(filled)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        connection.execute("SELECT * FROM event")
    connection.close()


def test_a_plain_sqlite_file_is_named_as_such_and_not_touched(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NotEncrypted, match="without encryption"):
        Store.open(path, KEY, device=DEVICE, create=True)
    assert path.read_bytes() == before


def test_an_empty_file_is_damage_and_not_a_new_store(path: Path) -> None:
    path.touch()
    with pytest.raises(DamagedStore, match="0 bytes"):
        Store.open(path, KEY, device=DEVICE, create=True)
    assert path.read_bytes() == b""


def test_a_lost_main_file_beside_its_log_is_damage_and_not_a_new_store(path: Path) -> None:
    path.with_name("store.db-wal").write_bytes(b"something")
    with pytest.raises(DamagedStore, match="write-ahead log is there"):
        Store.open(path, KEY, device=DEVICE, create=True)
    assert not path.exists()


def test_a_file_cut_within_a_page_is_damaged(filled: Path) -> None:
    filled.write_bytes(filled.read_bytes()[: 10 * PAGE + 100])
    with pytest.raises(DamagedStore, match="cut off"):
        reopen(filled)


def test_a_part_of_a_page_that_the_log_still_holds_is_no_damage(path: Path) -> None:
    # What a power cut in the middle of a checkpoint leaves behind.
    with new_store(path) as store:
        store.journal.append(entries(200))
        crashed = path.with_name("crashed.db")
        crashed.write_bytes(path.read_bytes() + bytes(PAGE + 512))
        shutil.copy(f"{path}-wal", f"{crashed}-wal")
    with reopen(crashed) as store:
        assert store.journal.head().seq == 200
        assert store.journal.verify() is None


def test_a_file_cut_between_pages_is_damaged(filled: Path) -> None:
    filled.write_bytes(filled.read_bytes()[: 10 * PAGE])
    with pytest.raises(DamagedStore), reopen(filled) as store:
        store.journal.verify()


def test_random_bytes_are_not_taken_for_a_store(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 16 * 4)
    with pytest.raises(WrongKey, match="cannot be told"):
        reopen(path)


def test_a_flipped_bit_in_any_page_in_use_is_noticed(filled: Path) -> None:
    whole = filled.read_bytes()
    unnoticed = []
    for page in range(len(whole) // PAGE):
        filled.write_bytes(whole)
        flip(filled, page * PAGE + 1000)
        try:
            connection = open_connection(filled, KEY, Access.READ)
        except StoreError:
            continue
        try:
            if connection.rows("PRAGMA integrity_check") == [("ok",)]:
                unnoticed.append(page)
        except DamagedStore:
            pass
        finally:
            connection.close()
    assert unnoticed == []


def test_a_damaged_journal_page_is_reported_with_file_and_remedy(filled: Path) -> None:
    content = filled.read_bytes()
    with reopen(filled) as store:
        store.journal.verify()
    for page in range(1, len(content) // PAGE):
        flip(filled, page * PAGE + 50)
    with pytest.raises(DamagedStore, match=r"store\.db: the store is damaged.*restore"):
        reopen(filled)


def test_a_store_of_another_kiosk_is_refused(filled: Path) -> None:
    with pytest.raises(ForeignStore, match="belongs to kiosk kiosk-7, this is kiosk-8"):
        Store.open(filled, KEY, device="kiosk-8")


def test_a_newer_schema_is_refused_and_left_unchanged(filled: Path) -> None:
    with tampering(filled) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = filled.read_bytes()
    with pytest.raises(SchemaTooNew, match="schema 99, this software knows"):
        reopen(filled)
    assert filled.read_bytes() == before


def test_an_encrypted_file_that_is_no_store_is_refused(path: Path) -> None:
    connection = open_connection(path, KEY, Access.CREATE)
    connection.execute("CREATE TABLE something_else (a)")
    connection.close()
    with pytest.raises(SchemaTooOld, match="holds no store"):
        Store.open(path, KEY, device=DEVICE, create=True)


def test_a_broken_tail_is_noticed_at_opening(filled: Path) -> None:
    with tampering(filled) as connection:
        connection.execute("UPDATE event SET body = X'7b7d' WHERE seq = 190")
    with pytest.raises(DamagedStore, match="entry 190 does not continue entry 189"):
        reopen(filled)


def test_a_store_cannot_be_made_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none" / "store.db"
    with pytest.raises(StoreUnavailable, match=r"store\.db.*No such file"):
        Store.open(path, KEY, device=DEVICE, create=True)


def test_signs_in_the_path_have_no_meaning(tmp_path: Path) -> None:
    folder = tmp_path / "50% [a] 100?x=1#& 诊所"
    folder.mkdir()
    with new_store(folder / "store.db") as store:
        store.journal.append(entries(1))
    assert sorted(file.name for file in folder.iterdir()) == ["store.db", "store.db.mirror"]


def test_closing_twice_is_fine(path: Path) -> None:
    store = new_store(path)
    store.close()
    store.close()


def test_an_unfinished_draft_of_a_store_is_no_store(path: Path) -> None:
    path.with_name("store.db.0011.new").write_bytes(b"cut while being made")
    with new_store(path) as store:
        assert store.journal.head().seq == 0


def test_what_a_cut_left_of_a_store_in_the_making_goes_with_the_next_start(path: Path) -> None:
    """Each is as large as the store: one for each cut would fill the disk."""
    new_store(path).close()
    making = "from pathlib import Path; import os, sys\n"
    making += "from store_forward.store import migrations\n"
    making += "from store_forward.store.identity import Identity\n"
    making += "from tests.unit.store.builders import DEVICE, KEY\n"
    making += "with migrations.new_store(Path(sys.argv[1]), KEY, Identity(DEVICE, 'a'), print):\n"
    making += "    os._exit(3)"
    assert subprocess.run([sys.executable, "-c", making, path]).returncode == 3
    (draft,) = path.parent.glob("store.db.*.new")
    Path(f"{draft}-wal").touch()
    other = path.with_name("other.db.0123456789abcdef.new")
    other.touch()
    new_store(path).close()
    assert {file.name for file in path.parent.iterdir()} == {
        "store.db",
        "store.db.mirror",
        other.name,
    }


def test_a_closed_store_says_so(path: Path) -> None:
    store = new_store(path)
    store.close()
    with pytest.raises(StoreUnavailable, match="is closed"):
        store.journal.head()


def test_a_keeper_opens_everything_anew_after_its_disk_has_failed(path: Path) -> None:
    with new_store(path) as store:
        store.journal.append(entries(3))
        store.reopen()
        assert path.with_name("store.db-wal").stat().st_size == 0
        assert store.journal.head().seq == 3
        assert store.journal.append([entry(4)]).last_seq == 4


def test_a_store_that_cannot_be_opened_anew_stays_closed_until_it_can(path: Path) -> None:
    away = path.with_name("away")
    with new_store(path) as store:
        store.journal.append(entries(3))
        mirror = mirror_of(path)
        mirror.rename(away)
        mirror.write_text("no directory")
        with pytest.raises(StoreError):
            store.reopen()
        with pytest.raises(StoreUnavailable, match="is closed"):
            store.journal.append([entry(4)])
        mirror.unlink()
        away.rename(mirror)
        store.reopen()
        assert store.journal.append([entry(4)]).last_seq == 4
