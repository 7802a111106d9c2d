"""Brings a store file to the current schema, one step per transaction."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from store_forward.store import driver, schema
from store_forward.store.drafts import SUFFIXES, draft_of
from store_forward.store.driver import Access, Connection
from store_forward.store.identity import Identity
from store_forward.store.keys import StoreKey, sync_directory
from store_forward.store.refusals import refused_by_system


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

    When another process was faster its file stays, and ours is dropped.
    """
    with new_store(path, key, Identity(device, incarnation), lambda _: None) as put_in_place:
        put_in_place()


@contextmanager
def new_store(
    path: Path, key: StoreKey, identity: Identity, fill: Callable[[Connection], object]
) -> Iterator[Callable[[], None]]:
    """Make a store file with what ``fill`` puts into it, under another name.

    Yields what links it into place, so that a cut in the middle leaves no half store; a file that
    is there stays. Without that call it is dropped.

    Raises a StoreError.
    """
    draft = draft_of(path)

    def put_in_place() -> None:
        with suppress(FileExistsError):
            os.link(draft, path)
        sync_directory(path.parent)

    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660))
        _fill(draft, key, identity, fill)
        _sync_file(draft)
        yield put_in_place
    except OSError as error:
        raise refused_by_system(path, error) from error
    finally:
        for suffix in SUFFIXES:
            with suppress(OSError):  # else the next start removes it
                draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _fill(
    draft: Path, key: StoreKey, identity: Identity, fill: Callable[[Connection], object]
) -> None:
    connection = driver.open_connection(draft, key, Access.CREATE)
    try:
        migrate(connection)
        connection.execute(
            "INSERT INTO identity (device, incarnation) VALUES (?, ?)",
            (identity.device, identity.incarnation),
        )
        fill(connection)
        # Everything into the main file: only that one is linked into place.
        connection.row("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
