"""A backup of the store: one sealed file that only the hospital's escrow key opens.

What is sealed is a consistent copy of the database, encrypted under a key of its own, and that
key. So no copy ever lies on a disk in plain text, nor under the key of the store.

====== ===== =====================================================================================
offset bytes meaning of the sealed content
====== ===== =====================================================================================
0      32    the copy's key
32     …     the copy: an SQLCipher database, as in the store
====== ===== =====================================================================================
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from store_forward.contract.sealed import Header, Lock, Sign, seal
from store_forward.store import driver
from store_forward.store.driver import Access, Connection
from store_forward.store.errors import StoreFull
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal
from store_forward.store.keys import StoreKey
from store_forward.store.opening import open_database
from store_forward.store.recovery.look import read_through
from store_forward.store.recovery.recover import noting_damage
from store_forward.store.refusals import refused_by_system
from store_forward.store.whole_file import require_free, whole_file

KIND = "backup"
KEY_BYTES = 32
PAGES_PER_STEP = 1000
"""Pages copied between two words to the watcher: a few tens of milliseconds of work."""

PIECE_BYTES = 1 << 20
_SUFFIXES = ("", "-wal", "-shm", "-journal")

Progress = Callable[[str, int, int], None]
"""Told what is being done and how many bytes of how many."""


class BackupMade(msgspec.Struct, frozen=True):
    """What the store remembers of its newest backup."""

    number: int
    made_at: str
    last_seq: int


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A finished backup. ``waiting`` entries in it are not acknowledged by the gateway yet."""

    path: Path
    header: Header
    size: int
    waiting: int


def create_backup(
    store: Path,
    key: StoreKey,
    device: str,
    out: Path,
    *,
    lock: Lock,
    sign: Sign,
    signer: str,
    now: Callable[[], datetime],
    progress: Progress = lambda _what, _done, _total: None,
) -> BackupReport:
    """Write a backup of the store to ``out``; core and sync may go on meanwhile.

    ``lock`` is the hospital's escrow key, ``sign`` signs with the device key, whose public half
    ``signer`` is (``signer_text``).

    Raises:
        FileInTheWay: there is such a file; it was not touched.
        DamagedStore: the store is damaged, which core is told of; nothing is left behind.
        StoreError: the store cannot be read, or the file not be written; nothing is left behind.
    """
    require_free(out)
    with ExitStack() as at_end:
        at_end.enter_context(noting_damage(store))
        connection, identity = open_database(store, key, device)
        at_end.callback(connection.close)
        _require_room(connection, out)
        number = _number(connection) + 1
        copy_key = StoreKey(secrets.token_hex(KEY_BYTES))
        with _copy(connection, out, copy_key, progress) as (copy, last, acked):
            header = _header(identity, number, last, now(), signer)
            with whole_file(out) as file:
                content = _content(copy, copy_key, progress)
                layout = seal(file, header, content, lock, sign)
        try:
            _remember(connection, BackupMade(number, header.made_at, header.last_seq))
        except BaseException:
            out.unlink()
            raise
        return BackupReport(out, layout.header, layout.size, max(header.last_seq - acked, 0))


def last_backup(connection: Connection) -> BackupMade | None:
    """The newest backup made of this store."""
    row = connection.row("SELECT body FROM status WHERE name = 'backup'")
    return msgspec.json.decode(row[0], type=BackupMade) if row else None


def _header(
    identity: Identity, number: int, last: tuple[int, int, bytes], now: datetime, signer: str
) -> Header:
    first_seq, last_seq, last_hash = last
    return Header(
        kind=KIND,
        device=identity.device,
        incarnation=identity.incarnation,
        number=number,
        made_at=now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        first_seq=first_seq,
        last_seq=last_seq,
        last_hash=last_hash.hex(),
        signer=signer,
    )


@contextmanager
def _copy(
    connection: Connection, out: Path, key: StoreKey, progress: Progress
) -> Iterator[tuple[Path, tuple[int, int, bytes], int]]:
    """A consistent copy beside ``out``, gone afterwards; its entries; what is acknowledged."""
    copy = out.with_name(f".{out.name}.{secrets.token_hex(4)}.copy")
    try:
        target = driver.open_connection(copy, key, Access.CREATE)
        try:
            # One reading transaction: what others write meanwhile is not in the copy, and does
            # not make it begin anew.
            connection.execute("BEGIN")
            try:
                journal = Journal(connection)
                base, head = journal.base(), journal.head()
                row = connection.row("SELECT acked_seq FROM stream WHERE name = 'gateway'")
                # A page that is damaged would be copied as zeros, without an error.
                read_through(connection, journal)
                _copy_pages(connection, target, progress)
            finally:
                connection.roll_back()
            target.row("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            target.close()
        yield copy, (min(base.seq + 1, head.seq), head.seq, head.hash), int(row[0]) if row else 0
    finally:
        for suffix in _SUFFIXES:
            with suppress(OSError):
                copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def _copy_pages(source: Connection, target: Connection, progress: Progress) -> None:
    def tell(_status: int, remaining: int, total: int) -> None:
        pages = driver.PAGE_BYTES
        progress("copied", (total - remaining) * pages, total * pages)

    with driver.Translated(target.path):
        source.raw.backup(target.raw, pages=PAGES_PER_STEP, progress=tell)


def _content(copy: Path, key: StoreKey, progress: Progress) -> Iterator[bytes]:
    yield bytes.fromhex(key.hex_digits)
    done = 0
    with copy.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while piece := file.read(PIECE_BYTES):
            yield piece
            done += len(piece)
            progress("sealed", done, size)


def _require_room(connection: Connection, out: Path) -> None:
    """The copy and the sealed file lie beside each other for a moment."""
    size = connection.path.stat().st_size
    try:
        disk = os.statvfs(out.parent)
    except OSError as error:
        raise refused_by_system(out, error) from error
    room = disk.f_bavail * disk.f_frsize
    needed = 2 * size + PIECE_BYTES
    if room < needed:
        raise StoreFull(
            out,
            f"a backup of this store needs {needed // 1_000_000 + 1} MB here while it is made, "
            f"{room // 1_000_000} MB are free; nothing was written",
            "Free space, or choose another disk",
        )


def _number(connection: Connection) -> int:
    before = last_backup(connection)
    return before.number if before is not None else 0


def _remember(connection: Connection, made: BackupMade) -> None:
    with connection.transaction():
        connection.execute(
            "INSERT INTO status (name, body) VALUES ('backup', ?) "
            "ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            (msgspec.json.encode(made),),
        )
