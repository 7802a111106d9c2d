"""Opens the database file, brings its schema up to date and looks at what must be right."""

from __future__ import annotations

from pathlib import Path

from store_forward.contract.canonical import chain_hash
from store_forward.store import driver
from store_forward.store.driver import Access, Connection
from store_forward.store.errors import DamagedStore, ForeignStore, SchemaTooNew, SchemaTooOld
from store_forward.store.head import Head
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal
from store_forward.store.keys import StoreKey

SCHEMA_VERSION = 5
"""``user_version`` of a current store: the number of steps in ``schema.STEPS``."""

TAIL_CHECKED_AT_OPEN = 64
"""Newest entries whose chain is checked at each start. The whole chain is checked on demand:
a start must stay quick with a million entries."""


def open_database(path: Path, key: StoreKey, device: str) -> tuple[Connection, Identity]:
    """Open an existing store of this kiosk.

    Raises a StoreError; the file is left as it was.
    """
    connection = driver.open_connection(path, key, Access.WRITE)
    try:
        return connection, _make_ready(connection, device)
    except BaseException:
        connection.close()
        raise


def _make_ready(connection: Connection, device: str) -> Identity:
    _migrate_if_older(connection)
    row = connection.row("SELECT device, incarnation FROM identity")
    if row is None:
        raise DamagedStore(
            connection.path, "the store does not say whose it is", "Restore it from backup"
        )
    identity = Identity(*row)
    if identity.device != device:
        raise ForeignStore(
            connection.path,
            f"the store belongs to kiosk {identity.device}, this is {device}",
            "Correct the kiosk id in the deployment file, or put the right disk in",
        )
    _check_tail(connection)
    return identity


def _migrate_if_older(connection: Connection) -> None:
    row = connection.row("PRAGMA user_version")
    version = int(row[0]) if row else 0
    if version > SCHEMA_VERSION:
        raise SchemaTooNew(
            connection.path,
            f"the store has schema {version}, this software knows {SCHEMA_VERSION}",
            "Install the software version that wrote it; nothing was changed",
        )
    if version < 1:
        raise SchemaTooOld(
            connection.path,
            "the file opens with this key but holds no store (schema 0)",
            "Move it away so that a new store can be created; nothing was changed",
        )
    if version < SCHEMA_VERSION:
        # Costs memory and happens once per software version.
        from store_forward.store import migrations

        migrations.migrate(connection)


def _check_tail(connection: Connection) -> None:
    """Check the newest entries: where a cut or a failing disk shows first."""
    journal = Journal(connection)
    newest = journal.head()
    after = max(newest.seq - TAIL_CHECKED_AT_OPEN, journal.base().seq)
    known = journal.hash_at(after)
    before = Head(after, known) if known is not None else None
    for row in journal.read(after, TAIL_CHECKED_AT_OPEN):
        if before is None or row.seq != before.seq + 1:
            bridge = journal.hash_at(row.seq - 1)
            before = Head(row.seq - 1, bridge) if bridge is not None else before
        if (
            before is None
            or row.seq != before.seq + 1
            or row.hash != chain_hash(before.hash, row.seq, row.body)
        ):
            raise DamagedStore(
                connection.path,
                f"journal entry {row.seq} does not continue entry {before.seq if before else 0}",
                "Keep the file and its -wal for recovery; verify-journal lists all such places",
            )
        before = Head(row.seq, row.hash)
