"""Gathers the findings: opens the database if it can be opened, reads the mirror."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from store_forward.contract.marks import StreamMark
from store_forward.store.driver import Connection
from store_forward.store.errors import (
    DamagedStore,
    StoreError,
    StoreMissing,
    StoreUnavailable,
    WrongKey,
)
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal
from store_forward.store.keys import StoreKey
from store_forward.store.opening import open_database
from store_forward.store.readable import require_readable
from store_forward.store.recovery.findings import (
    Absent,
    Database,
    Findings,
    Gap,
    GatewayMark,
    MirrorFinding,
    Opened,
    Unusable,
)
from store_forward.store.recovery.scan import scan
from store_forward.store.sending.marks import judge_mark

CHECKED_WHOLE_BYTES = 8_000_000
"""A main file up to this size is read through at each start, about 0.1 s; a greater one where
something is wrong already, or was when it was last read."""


@dataclass(slots=True)
class Looked:
    """The findings, and the database if it opens. ``fault`` is why it is not the journal.

    ``connection`` is to be closed after the files were set aside, if they are.
    """

    findings: Findings
    connection: Connection | None = None
    fault: StoreError | None = None


def look(
    path: Path, mirror: Path, key: StoreKey, device: str, counter: int | None, *, thorough: bool
) -> Looked:
    """Look at everything. ``thorough``: read the whole database, whatever its size.

    Raises:
        StoreError: of the kinds that no recovery mends (another kiosk's store, a newer schema, a
            file system that refuses).
    """
    database, connection, fault = _look_twice(path, key, device, thorough=thorough)
    try:
        return Looked(_with_mirror(database, connection, mirror, key, counter), connection, fault)
    except BaseException:
        if connection is not None:
            connection.close()
        raise


_Judged = tuple[Database, Connection | None, StoreError | None]


def _look_twice(path: Path, key: StoreKey, device: str, *, thorough: bool) -> _Judged:
    """Believe in damage only where every byte can be read and a second look finds it, too.

    A read that fails, by a loose cable or a worn-out sector, often looks like damage. A good file
    must not be replaced for that.
    """
    database, connection, fault = _judge(path, key, device, thorough=thorough)
    if not isinstance(database, Unusable):
        return database, connection, fault
    try:
        require_readable(path)
        again, second, _ = _judge(path, key, device, thorough=thorough)
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    if second is not None:
        second.close()  # not the last one: the log stays as it is
    if isinstance(again, Unusable):
        return database, connection, fault
    if connection is not None:
        connection.close()
    # Opened once more: reading the file beside an open connection takes that one's locks away.
    database, connection, fault = _judge(path, key, device, thorough=thorough)
    if isinstance(database, Unusable):
        if connection is not None:
            connection.close()
        raise StoreUnavailable(
            path,
            "the store reads differently each time",
            "Check the disk and its cable; nothing was changed",
        )
    return database, connection, fault


def _judge(path: Path, key: StoreKey, device: str, *, thorough: bool) -> _Judged:
    try:
        connection, identity = open_database(path, key, device)
    except StoreMissing as missing:
        return Absent(), None, missing
    except (DamagedStore, WrongKey) as damage:
        return Unusable(str(damage)), None, damage
    try:
        whole = is_whole_checked(path) or thorough
        return _opened(connection, identity, whole), connection, None
    except DamagedStore as damage:
        # Left open: closing would copy the log into a file that is to be kept as it is.
        return Unusable(str(damage)), connection, damage
    except BaseException:
        connection.close()
        raise


def is_whole_checked(path: Path) -> bool:
    """Whether the database is small enough to be read through at each start."""
    try:
        return path.stat().st_size <= CHECKED_WHOLE_BYTES
    except OSError:
        return False


def _opened(connection: Connection, identity: Identity, is_thorough: bool) -> Opened:
    journal = Journal(connection)
    if is_thorough:
        read_through(connection, journal)
    acked = connection.row("SELECT acked_seq FROM stream WHERE name = 'gateway'")
    if acked is None:
        raise DamagedStore(connection.path, "the outbox lost its place", "Recovery follows")
    previous = read_status(connection, "previous_incarnation")
    counter = read_status(connection, "counter")
    left_out = read_status(connection, "left_out")
    return Opened(
        identity=identity,
        base=journal.base(),
        head=journal.head(),
        acked_seq=int(acked[0]),
        previous=previous.decode() if previous is not None else "",
        counter=int(counter) if counter is not None else None,
        left_out=Gap(*msgspec.json.decode(left_out)) if left_out is not None else None,
    )


def read_through(connection: Connection, journal: Journal) -> None:
    """Read every page and the whole chain. Raises DamagedStore."""
    found = connection.rows("PRAGMA integrity_check(1)")
    if found != [("ok",)]:
        raise DamagedStore(connection.path, f"the database says {found[0][0]}", "Recovery follows")
    broken = journal.verify()
    if broken is not None:
        raise DamagedStore(
            connection.path, f"entry {broken.seq}: {broken.reason}", "Recovery follows"
        )


def _with_mirror(
    database: Database,
    connection: Connection | None,
    directory: Path,
    key: StoreKey,
    counter: int | None,
) -> Findings:
    mark: GatewayMark | None = None
    mirror: MirrorFinding | None
    if isinstance(database, Opened) and connection is not None:
        needless = max(database.acked_seq, database.base.seq)
        mirror, bad = scan(directory, key, database.head, needless)
        if mirror is not None and mirror.bad_end is not None:
            sizes = _sizes(connection, mirror.held_seq)
            database = replace(database, beyond_mirror=sizes)
        mark = read_mark(connection, database)
    else:
        mirror, bad = scan(directory, key, None)
    return Findings(
        database=database,
        mirror=mirror,
        counter=counter,
        mark=mark,
        unreadable=tuple(str(one) for one in bad),
    )


def _sizes(connection: Connection, after: int) -> tuple[int, ...]:
    """Bytes of each entry behind this one."""
    query = "SELECT length(body) FROM event WHERE seq > ? ORDER BY seq"
    return tuple(int(size) for (size,) in connection.rows(query, (after,)))


def read_mark(connection: Connection, database: Opened) -> GatewayMark | None:
    """What the gateway said it has, as sync wrote it down; None where it never did."""
    body = read_status(connection, "gateway_mark")
    if body is None:
        return None
    try:
        mark = msgspec.json.decode(body, type=StreamMark)
    except msgspec.MsgspecError:
        return None
    if mark.device != database.identity.device:
        return None
    last_seq = max([mark.high_water, *(span.last_seq for span in mark.ahead)])
    step = judge_mark(mark, database.head.seq, Journal(connection).hash_at)
    return GatewayMark(mark.incarnation, last_seq, step)


def read_status(connection: Connection, name: str) -> bytes | None:
    """A row of the status table."""
    row = connection.row("SELECT body FROM status WHERE name = ?", (name,))
    return bytes(row[0]) if row else None


def write_status(connection: Connection, name: str, body: bytes | None) -> None:
    """Write or remove a row of the status table, in the caller's transaction if there is one."""
    if body is None:
        connection.execute("DELETE FROM status WHERE name = ?", (name,))
        return
    connection.execute(
        "INSERT INTO status (name, body) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET body = excluded.body",
        (name, body),
    )
