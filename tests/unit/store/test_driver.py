from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from store_forward.store import Store, driver
from store_forward.store.driver import Access, Connection, open_connection
from store_forward.store.errors import DamagedStore, StoreBusy, StoreUnavailable
from store_forward.store.network_status import SyncStatus
from store_forward.store.refusals import BUSY_TIMEOUT_MILLISECONDS
from store_forward.store.store import Role
from tests.fakes.bad_page import spoil_first_page_of
from tests.unit.store.builders import DEVICE, KEY, entries, receipt


@pytest.fixture
def connection(store: Store, path: Path) -> Connection:
    return open_connection(path, KEY, Access.WRITE)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("temp_store", 2),
        ("foreign_keys", 1),
        ("mmap_size", 0),
        ("cipher_memory_security", "1"),
        ("cipher_hmac_algorithm", "HMAC_SHA256"),
        ("cipher_use_hmac", "1"),
        ("busy_timeout", BUSY_TIMEOUT_MILLISECONDS),
    ],
)
def test_every_connection_is_durable_and_encrypted(
    connection: Connection, pragma: str, value: str | int
) -> None:
    assert connection.row(f"PRAGMA {pragma}") == (value,)
    connection.close()


def test_sqlite_is_free_of_the_wal_reset_bug(connection: Connection) -> None:
    driver.require_suitable_driver()
    row = connection.row("SELECT sqlite_version()")
    connection.close()
    assert row is not None
    assert tuple(int(part) for part in row[0].split(".")) >= (3, 51, 3)


def test_sqlite_utils_works_on_the_encrypting_driver(connection: Connection) -> None:
    db = driver.load_sqlite_utils().Database(connection.raw)
    assert "event" in db.table_names()
    assert db["stream"].count == 1
    connection.close()


def test_an_open_store_does_not_load_sqlite_utils(store: Store, path: Path) -> None:
    store.close()
    code = (
        "import sys; from pathlib import Path; from store_forward.store import Store, StoreKey; "
        f"Store.open(Path({str(path)!r}), StoreKey({KEY.hex_digits!r}), device='kiosk-7').close(); "
        "sys.exit('sqlite_utils' in sys.modules or 'pypinyin' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_failed_transaction_leaves_nothing(connection: Connection) -> None:
    def write_and_fail() -> None:
        with connection.transaction():
            connection.execute("UPDATE stream SET acked_seq = 5")
            raise RuntimeError("cut")

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert connection.row("SELECT acked_seq FROM stream") == (0,)
    connection.close()


def test_a_lock_held_too_long_is_reported_as_such(store: Store, connection: Connection) -> None:
    connection.execute("PRAGMA busy_timeout = 20")
    holder = connection.transaction()
    other = open_connection(connection.path, KEY, Access.WRITE)
    other.execute("PRAGMA busy_timeout = 20")
    with holder, pytest.raises(StoreBusy, match="another process kept the store locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()
    connection.close()
    store.journal.append(entries(1))


def test_a_reading_connection_cannot_write(store: Store, path: Path) -> None:
    reader = open_connection(path, KEY, Access.READ)
    with pytest.raises(StoreUnavailable, match="READONLY"):
        reader.execute("UPDATE stream SET acked_seq = 1")
    reader.close()


def test_who_has_met_a_damaged_page_writes_no_more_and_hears_it_as_a_trouble_of_the_store(
    store: Store, path: Path
) -> None:
    """SQLCipher says then that there is no memory."""
    store.journal.append(entries(3))
    spoil_first_page_of("receipt", path, KEY)
    with Store.open(path, KEY, device=DEVICE, role=Role.GUEST) as guest:
        guest.network_status.write_status(SyncStatus(online=True, since="before"))
        with pytest.raises(DamagedStore):
            guest.outbox.record_answer(receipt(guest, 1, 3), [])
        with pytest.raises(StoreUnavailable, match="no memory, or"):
            guest.network_status.write_status(SyncStatus(online=True, since="after"))
    assert store.network_status.read_status() == SyncStatus(online=True, since="before")
