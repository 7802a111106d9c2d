from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from store_forward.store import Store, StoreKey
from store_forward.store.audit.verify import verify_journal
from store_forward.store.driver import Access, open_connection
from store_forward.store.migrations import migrate, schema_version
from store_forward.store.schema import STEPS
from store_forward.store.store import SCHEMA_VERSION
from tests.unit.store.builders import KEY, new_store

RELEASED = Path(__file__).parents[2] / "data"
RELEASED_KEY = StoreKey("00112233445566778899aabbccddeeff" * 2)
"""Key of the stores in tests/data. They hold made-up data; the key is no secret."""


def test_a_new_store_has_the_current_schema(path: Path) -> None:
    new_store(path).close()
    connection = open_connection(path, KEY, Access.READ)
    assert schema_version(connection) == SCHEMA_VERSION == len(STEPS)
    tables = connection.rows("SELECT name FROM pragma_table_list WHERE strict = 0")
    connection.close()
    assert {name for (name,) in tables} <= {"sqlite_schema", "sqlite_temp_schema"}


@pytest.mark.parametrize("released", sorted(RELEASED.glob("store-v*.db")), ids=lambda one: one.stem)
def test_a_store_of_every_released_schema_opens_with_all_it_held(
    tmp_path: Path, released: Path
) -> None:
    path = Path(shutil.copy(released, tmp_path / "store.db"))
    with Store.open(path, RELEASED_KEY, device="kiosk-old") as store:
        assert store.journal.head().seq == 6
        assert store.journal.verify() is None
        assert store.outbox.acked_seq() == 3
        assert [row.seq for row in store.outbox.pending(10, 10**6).rows] == [4, 5, 6]
        assert [one.slot_id for one in store.allotments.unsold()] == ["slot-2"]
        assert [one.code for one in store.reference.load_departments()] == ["101"]
        status = store.network_status.read_status()
        assert status is not None
        assert not status.online
    assert verify_journal(path, RELEASED_KEY).ok


def add_remark(db: Any) -> None:
    db["slot_lease"].add_column("remark", str)


def fail_half_way(db: Any) -> None:
    db["slot_lease"].add_column("half", str)
    raise RuntimeError("cut")


def test_missing_steps_are_applied_once(path: Path) -> None:
    new_store(path).close()
    connection = open_connection(path, KEY, Access.WRITE)
    for _ in range(2):
        migrate(connection, (*STEPS, add_remark))
        assert schema_version(connection) == SCHEMA_VERSION + 1
    connection.row("SELECT remark FROM slot_lease")
    connection.close()


def test_a_step_that_fails_leaves_the_schema_before_it(path: Path) -> None:
    new_store(path).close()
    connection = open_connection(path, KEY, Access.WRITE)
    with pytest.raises(RuntimeError, match="cut"):
        migrate(connection, (*STEPS, add_remark, fail_half_way))
    assert schema_version(connection) == SCHEMA_VERSION + 1
    columns = connection.rows("SELECT name FROM pragma_table_info('slot_lease')")
    assert [name for (name,) in columns] == ["slot_id", "fencing", "body", "remark"]
    connection.close()
