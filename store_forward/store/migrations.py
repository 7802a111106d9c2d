"""Brings a store file to the current schema, one step per transaction."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from store_forward.store import driver, schema
from store_forward.store.driver import Access, Connection
from store_forward.store.keys import StoreKey, sync_directory


def migrate(connection: Connection, steps: Sequence[schema.Step] = schema.STEPS) -> None:
    """Apply the steps that are missing. A failing step leaves the schema before it."""
    db = driver.load_sqlite_utils().Database(connection.raw, execute_plugins=False)
    while True:
        with connection.transaction():
            # Read inside the lock: another process may be migrating the same file.
            version = schema_version(connection)
            if version >= len(steps):
                return
            steps[version](db)
            connection.execute(f"PRAGMA user_version = {version + 1}")


def schema_version(connection: Connection) -> int:
    """Number of steps this file has run; 0 for a file that is no store."""
    row = connection.row("PRAGMA user_version")
    return int(row[0]) if row else 0


def create_store(path: Path, key: StoreKey, device: str, incarnation: str) -> None:
    """Make a new store file, complete or not at all.

    It is built under another name and then linked into place, so that a cut in the middle leaves
    no half store. When another process was faster its file stays, and ours is dropped.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660))
        _fill(draft, key, device, incarnation)
        _sync_file(draft)
        with suppress(FileExistsError):
            os.link(draft, path)
        sync_directory(path.parent)
    except OSError as error:
        raise driver.refused_by_system(path, error) from error
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _fill(draft: Path, key: StoreKey, device: str, incarnation: str) -> None:
    connection = driver.open_connection(draft, key, Access.CREATE)
    try:
        migrate(connection)
        connection.execute(
            "INSERT INTO identity (device, incarnation) VALUES (?, ?)", (device, incarnation)
        )
        # Everything into the main file: only that one is linked into place.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
