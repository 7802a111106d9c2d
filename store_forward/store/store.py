"""The kiosk's store: one encrypted file with everything that must outlive a power cut."""

from __future__ import annotations

import os
import uuid
from itertools import pairwise
from pathlib import Path
from types import TracebackType

from store_forward.contract.canonical import GENESIS, chain_hash
from store_forward.store import driver
from store_forward.store.allotments import Allotments
from store_forward.store.driver import Access, Connection
from store_forward.store.errors import (
    DamagedStore,
    ForeignStore,
    SchemaTooNew,
    SchemaTooOld,
    StoreMissing,
)
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal
from store_forward.store.keys import StoreKey
from store_forward.store.network_status import NetworkStatus
from store_forward.store.outbox import Outbox
from store_forward.store.reference import Reference
from store_forward.store.resolutions import Resolutions

SCHEMA_VERSION = 2
"""``user_version`` of a current store: the number of steps in ``schema.STEPS``."""

TAIL_CHECKED_AT_OPEN = 64
"""Newest entries whose chain is checked at each start. The whole chain is checked on demand:
a start must stay quick with a million entries."""

_MEGABYTE = 1_000_000


class Store:
    """One open store file. Core and sync each open their own; never share one between threads."""

    def __init__(self, connection: Connection, identity: Identity) -> None:
        self._connection = connection
        self._data_version: int | None = None
        self.path = connection.path
        self.identity = identity
        self.journal = Journal(connection)
        self.outbox = Outbox(connection, identity)
        self.allotments = Allotments(connection)
        self.reference = Reference(connection)
        self.network_status = NetworkStatus(connection)
        self.resolutions = Resolutions(connection, identity)

    @classmethod
    def open(
        cls,
        path: Path,
        key: StoreKey,
        *,
        device: str,
        create: bool = False,
        incarnation: str | None = None,
    ) -> Store:
        """Open the store of this kiosk and bring its schema up to date.

        ``device`` is the kiosk's id. With ``create``, a missing file is made, under a random
        incarnation unless one is given.

        Raises:
            StoreError: one of its kinds; the file is left as it was.
        """
        try:
            connection = driver.open_connection(path, key, Access.WRITE)
        except StoreMissing:
            if not create:
                raise
            # Costs memory and happens once in a store's life.
            from store_forward.store import migrations

            migrations.create_store(path, key, device, incarnation or uuid.uuid4().hex)
            connection = driver.open_connection(path, key, Access.WRITE)
        try:
            return cls(connection, _make_ready(connection, device))
        except BaseException:
            connection.close()
            raise

    def changed(self) -> bool:
        """Whether another process has written since the last call. True on the first call.

        Cheap enough to poll: reads one number from shared memory.
        """
        row = self._connection.row("PRAGMA data_version")
        version = int(row[0]) if row else 0
        is_new = version != self._data_version
        self._data_version = version
        return is_new

    def free_space_ok(self, reserve_mb: int) -> bool:
        """Whether the disk has more than the reserve (in MB of 10^6 bytes) left for us."""
        disk = os.statvfs(self.path.parent)
        return disk.f_bavail * disk.f_frsize > reserve_mb * _MEGABYTE

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


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
    rows = connection.rows(
        "SELECT seq, body, hash FROM event ORDER BY seq DESC LIMIT ?",
        (TAIL_CHECKED_AT_OPEN + 1,),
    )
    rows.reverse()
    if rows and rows[0][0] == 1:
        rows.insert(0, (0, b"", GENESIS))
    for (before, _, previous), (seq, body, hash_) in pairwise(rows):
        if seq != before + 1 or hash_ != chain_hash(previous, seq, body):
            raise DamagedStore(
                connection.path,
                f"journal entry {seq} does not continue entry {before}",
                "Keep the file and its -wal for recovery; verify-journal lists all such places",
            )
