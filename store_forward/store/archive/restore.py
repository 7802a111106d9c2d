"""From a backup to a store that goes on: under a new incarnation, with what may be unsent.

The journal of before is not continued: the machine it ran on may have gone on after the backup, or
come back one day. The new journal begins with a fact that names the old one, which makes the
gateway refuse the old one from then on, and repeats what the backup does not know to be
acknowledged. The gateway tells by their ids which entries it has.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from store_forward.contract.canonical import chain_hash, encode_entry
from store_forward.contract.facts import Entry
from store_forward.contract.sealed import (
    Header,
    NotSealed,
    Opener,
    Verify,
    open_sealed,
    read_layout,
)
from store_forward.store.archive.backup import KEY_BYTES, KIND, Progress
from store_forward.store.driver import Connection
from store_forward.store.errors import StoreError
from store_forward.store.head import START, Head
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal, Row
from store_forward.store.keys import StoreKey
from store_forward.store.mirror.segment import list_segments, mirror_of
from store_forward.store.opening import open_database
from store_forward.store.recovery.look import write_status
from store_forward.store.recovery.restoring import restore
from store_forward.store.recovery.scan import Recovered
from store_forward.store.refusals import refused_by_system
from store_forward.store.whole_file import require_free

PAGE_ENTRIES = 500


class BackupRefused(StoreError):
    """The backup is damaged, forged, of another kiosk or for another key. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Backup:
    """An opened backup. ``acked_seq`` is what the gateway had acknowledged when it was made."""

    header: Header
    identity: Identity
    journal: Journal
    head: Head
    acked_seq: int

    def entries(self) -> Iterator[Entry]:
        """All its entries, oldest first."""
        after = 0
        while rows := self.journal.read(after, PAGE_ENTRIES):
            for row in rows:
                yield row.entry()
            after = rows[-1].seq


@contextmanager
def opened_backup(
    path: Path, opener: Opener, verify: Verify, device: str, scratch: Path, progress: Progress
) -> Iterator[Backup]:
    """Open a backup. Its copy of the database lies in ``scratch``, encrypted, until the end.

    ``verify`` knows the maker's signature.

    Raises:
        BackupRefused: see there.
        StoreError: the copy cannot be written or read.
    """
    copy = scratch / f".restoring-{secrets.token_hex(8)}.db"
    with suppress(OSError):  # what a cut left; its key is gone
        for left in scratch.glob(".restoring-*"):
            left.unlink()
    try:
        header, key = _unpack(path, opener, verify, copy, progress)
        if header.device != device:
            raise BackupRefused(
                path,
                f"it is of kiosk {header.device}, this is {device}",
                "Take the backup of this kiosk, or give the spare machine that kiosk's id in its "
                "deployment file",
            )
        connection, identity = open_database(copy, key, device)
        try:
            yield _checked(path, header, connection, identity)
        finally:
            connection.close()
    finally:
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def _unpack(
    path: Path, opener: Opener, verify: Verify, copy: Path, progress: Progress
) -> tuple[Header, StoreKey]:
    try:
        with path.open("rb") as file:
            layout = read_layout(file)
            if layout.header.kind != KIND:
                raise BackupRefused(
                    path, f"this is a sealed file of another kind ({layout.header.kind})", _ANOTHER
                )
            content = open_sealed(file, layout, opener, verify)
            with copy.open("xb") as target:
                copy.chmod(0o600)
                key, done = b"", 0
                for piece in content:
                    if len(key) < KEY_BYTES:
                        key, piece = piece[:KEY_BYTES], piece[KEY_BYTES:]
                    target.write(piece)
                    done += len(piece)
                    progress("opened", done, layout.end - layout.start)
    except NotSealed as refused:
        raise BackupRefused(path, _why(refused), _ANOTHER) from refused
    except OSError as error:
        raise refused_by_system(path, error) from error
    return layout.header, StoreKey(key.hex())


_ANOTHER = "Nothing was changed. Take another copy of this backup, or the one before"


def _why(refused: NotSealed) -> str:
    places = [f"bytes {one.offset} to {one.offset + one.length}" for one in refused.places]
    return f"{refused}" + (f" [{', '.join(places)}]" if places else "")


def _checked(path: Path, header: Header, connection: Connection, identity: Identity) -> Backup:
    journal = Journal(connection)
    head = journal.head()
    told = Head(header.last_seq, bytes.fromhex(header.last_hash))
    if identity.incarnation != header.incarnation or head != told:
        raise BackupRefused(path, "what is in it is not what its header says", _ANOTHER)
    broken = journal.verify()
    if broken is not None:
        raise BackupRefused(
            path, f"its journal does not hold at entry {broken.seq} ({broken.reason})", _ANOTHER
        )
    row = connection.row("SELECT acked_seq FROM stream WHERE name = 'gateway'")
    return Backup(header, identity, journal, head, int(row[0]) if row else 0)


def read_header(path: Path) -> Header:
    """What a backup says openly of itself, which nothing vouches for yet. Raises a StoreError."""
    try:
        with path.open("rb") as file:
            return read_layout(file).header
    except NotSealed as refused:
        raise BackupRefused(path, _why(refused), _ANOTHER) from refused
    except OSError as error:
        raise refused_by_system(path, error) from error


class _Fact(msgspec.Struct):
    type: str
    order_id: str | None = None


class _Outline(msgspec.Struct):
    lane: str
    fact: _Fact


_outlines = msgspec.json.Decoder(_Outline)
_ENDS = frozenset({"registration_paid", "registration_cancelled"})


def carried_over(backup: Backup) -> Iterator[bytes]:
    """The entries the new journal repeats: unacknowledged ones, and all of orders still open.

    An open order may have money in it: who takes the kiosk's place must know all of it.
    """
    open_lanes = _open_lanes(backup)
    for row, outline in _rows(backup):
        if row.seq > backup.acked_seq or outline.lane in open_lanes:
            yield row.body


def _open_lanes(backup: Backup) -> set[str]:
    found: set[str] = set()
    for _, outline in _rows(backup):
        if outline.fact.type == "registration_confirmed":
            found.add(outline.lane)
        elif outline.fact.type in _ENDS:
            found.discard(outline.lane)
    return found


def _rows(backup: Backup) -> Iterator[tuple[Row, _Outline]]:
    after = 0
    while rows := backup.journal.read(after, PAGE_ENTRIES):
        for row in rows:
            yield row, _outlines.decode(row.body)
        after = rows[-1].seq


def require_vacant(store: Path) -> None:
    """Raise FileInTheWay or BackupRefused where a journal lies already."""
    require_free(store)
    mirror = mirror_of(store)
    if mirror.is_dir() and list_segments(mirror):
        raise BackupRefused(
            mirror,
            "there is the mirror of a journal; nothing was changed",
            "Start core on it first: it brings that journal back. Move it away if it is another's",
        )


def begin_anew(
    store: Path,
    key: StoreKey,
    backup: Backup,
    first: Entry,
    carried: Iterable[bytes],
    last: Sequence[Entry],
) -> tuple[Identity, int]:
    """Make the store at ``store``: ``first``, then what is carried over, then ``last``.

    Whole or not at all. Returns who it is now, and how many entries it begins with.

    Raises:
        FileInTheWay, BackupRefused: a journal is there already.
        StoreError: it cannot be written; nothing is left behind.
    """
    from store_forward.store import migrations

    require_vacant(store)
    identity = Identity(backup.identity.device, uuid.uuid4().hex)
    count = 0

    def bodies() -> Iterator[bytes]:
        yield encode_entry(first)
        yield from carried
        for entry in last:
            yield encode_entry(entry)

    def fill(connection: Connection) -> None:
        nonlocal count
        head = restore(connection, START, _chained(bodies()))
        count = head.seq
        with connection.transaction():
            before = backup.identity.incarnation.encode()
            write_status(connection, "previous_incarnation", before)

    with migrations.new_store(store, key, identity, fill) as put_in_place:
        require_vacant(store)
        put_in_place()
    return identity, count


def _chained(bodies: Iterable[bytes]) -> Iterator[Recovered]:
    head = START
    for body in bodies:
        yield Recovered(head, (body,))
        head = Head(head.seq + 1, chain_hash(head.hash, head.seq + 1, body))
