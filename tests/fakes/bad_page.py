"""A page of a store at work goes bad on the disk."""

from __future__ import annotations

from pathlib import Path

from store_forward.store.driver import PAGE_BYTES, Access, open_connection
from store_forward.store.keys import StoreKey


def spoil_first_page_of(table: str, store: Path, key: StoreKey) -> None:
    """Change the page in the main file at which this table begins; the log has no newer copy."""
    connection = open_connection(store, key, Access.WRITE)
    try:
        assert connection.row("PRAGMA wal_checkpoint(TRUNCATE)") == (0, 0, 0)
        row = connection.row("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,))
    finally:
        connection.close()
    assert row is not None
    with store.open("r+b") as file:
        file.seek((row[0] - 1) * PAGE_BYTES + 100)
        file.write(b"\xff" * 50)
