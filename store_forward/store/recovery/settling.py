"""What a start does once the database is right: mirror filled, counter written, losses told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from store_forward.contract.canonical import chain_hash
from store_forward.contract.facts import EntriesLost, JournalRebuilt
from store_forward.store.driver import Connection
from store_forward.store.errors import DamagedStore
from store_forward.store.head import START, Head
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal
from store_forward.store.mirror.segment import SEGMENT_BYTES, segment_name, shorten
from store_forward.store.recovery.durable import make_durable
from store_forward.store.recovery.findings import MirrorFinding, Opened, Run, holes
from store_forward.store.recovery.look import Looked, read_status, write_status
from store_forward.store.recovery.notes import Mended
from store_forward.store.recovery.report import Range, RecoveryReport


class Settled(msgspec.Struct, frozen=True):
    """Whose journal it is, what had to be done, and what the machine's counter stands at."""

    identity: Identity
    report: RecoveryReport
    counter: int | None


def settle(store: Mended, looked: Looked, connection: Connection) -> Settled:
    """Fill the mirror, write the counter down, say what was lost, keep the report."""
    database, finding = looked.findings.database, looked.findings.mirror
    if not isinstance(database, Opened):
        raise ValueError("not open")
    if finding is not None and finding.identity != database.identity:
        finding = None
    make_durable(store.path, store.mirror.directory)
    if finding is None:
        store.set_segments_aside()
    counter = _next_count(store, connection, looked)
    outbox = _Outbox(connection)
    # Where the counter cannot be read now, it stands where it stood at least.
    known = database.counter if counter is None else counter
    store.mirror.attach(database.identity, outbox.settled_seq, known)
    _fill_mirror(store, connection, database, finding)
    if finding is not None:
        _tidy_mirror(store, finding)
    _tell(store, connection, database.identity)
    report = store.notes.report(database.identity.incarnation, store.now())
    if report.is_worth_telling:
        with connection.transaction():
            write_status(connection, "recovery", msgspec.json.encode(report))
    with suppress(OSError):  # then the next start looks closely once more
        _suspicion(store.path).unlink(missing_ok=True)
    return Settled(database.identity, report, counter)


def note_suspicion(path: Path) -> None:
    """Write down that the database was found damaged while it was in use."""
    with suppress(OSError):  # whoever meets the place again tries again
        _suspicion(path).touch()


@contextmanager
def noting_damage(path: Path) -> Iterator[None]:
    """For who is not the keeper: write damage down that is found within."""
    try:
        yield
    except DamagedStore:
        note_suspicion(path)
        raise


def is_suspect(path: Path) -> bool:
    """Whether that was written down, and no keeper has read the whole database since."""
    try:
        return _suspicion(path).is_file()
    except OSError:
        return False


def _suspicion(path: Path) -> Path:
    return path.with_name(path.name + ".suspect")


class _Outbox:
    """What of the journal the mirror need not keep any longer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._settled = -1

    def settled_seq(self) -> int:
        """Acknowledged by the gateway and in the main file, as far as is known.

        The log is copied into the main file once in each run, which mends pages that a power cut
        has torn there, and then only where more is acknowledged than at the last time: while the
        network is down it would be three fsyncs for each new segment, for nothing.
        """
        row = self._connection.row("SELECT acked_seq FROM stream WHERE name = 'gateway'")
        acked = int(row[0]) if row is not None else 0
        if acked > self._settled:
            copied = self._connection.row("PRAGMA wal_checkpoint(PASSIVE)")
            if copied is not None and copied[0] == 0 and copied[1] == copied[2]:
                self._settled = acked
        return max(self._settled, 0)


def _fill_mirror(
    store: Mended, connection: Connection, database: Opened, finding: MirrorFinding | None
) -> None:
    """Write to the mirror what it ought to hold and does not."""
    start = max(database.acked_seq, database.base.seq)
    runs: list[Run] = []
    if finding is not None:
        runs = [run for run in finding.runs if run.segment not in finding.spoilt]
        if not finding.is_whole:
            start = max(start, finding.base.seq)
    journal = Journal(connection)
    for first, last in holes(runs, start, database.head.seq):
        chunks = 0
        for before, groups in _chunks(journal, first, last):
            store.mirror.fill(before, groups, database.head.seq)
            chunks += 1
        if chunks:  # else the range is lost, and told
            store.notes.mirrored.append(Range(first, last))


def _tidy_mirror(store: Mended, finding: MirrorFinding) -> None:
    """Set aside what is damaged or of another journal, now that all of it stands elsewhere; cut
    off behind the others what no record is: room, or an append that was cut short."""
    store.set_segments_aside({*finding.foreign, *finding.spoilt})
    for number, end in finding.ends:
        if number not in finding.foreign:
            shorten(store.mirror.directory / segment_name(number), end)


def _next_count(store: Mended, connection: Connection, looked: Looked) -> int | None:
    """Advance the counter, written down first: a cut in between must not look like fraud."""
    stands_at = looked.findings.counter
    if stands_at is None:
        return None
    database, mirror = looked.findings.database, looked.findings.mirror
    written = [one.counter for one in (database, mirror) if isinstance(one, Opened | MirrorFinding)]
    known = max((one for one in written if one is not None), default=stands_at)
    target = known if known == stands_at + 1 else stands_at + 1
    with connection.transaction():
        write_status(connection, "counter", b"%d" % target)
    store.counter.advance()
    return target


def _tell(store: Mended, connection: Connection, identity: Identity) -> None:
    """What is not here any more becomes a fact of the journal itself, for core and the HIS."""
    rebuilt = read_status(connection, "rebuilt")
    lost = read_status(connection, "entries_lost")
    facts: list[EntriesLost | JournalRebuilt] = []
    if rebuilt is not None:
        facts.append(msgspec.json.decode(rebuilt, type=JournalRebuilt))
    if lost is not None:
        ranges = msgspec.json.decode(lost, type=list[Range])
        facts += [EntriesLost(one.first, one.last, identity.incarnation) for one in ranges]
    if not facts:
        return
    entries = [store.entry_of(fact) for fact in facts]
    Journal(connection, store.mirror).append(entries)
    with connection.transaction():
        write_status(connection, "rebuilt", None)
        write_status(connection, "entries_lost", None)


def _chunks(
    journal: Journal, first: int, last: int
) -> Iterator[tuple[Head, list[tuple[Head, list[bytes]]]]]:
    """The entries from the database, a segment's worth at a time, each a group of its own."""
    known = journal.hash_at(first - 1)
    before = head = Head(first - 1, known if known is not None else START.hash)
    groups: list[tuple[Head, list[bytes]]] = []
    size = 0
    while head.seq < last:
        rows = [row for row in journal.read(head.seq, 200) if row.seq <= last]
        if not rows:
            break
        for row in rows:
            if row.seq != head.seq + 1 or row.hash != chain_hash(head.hash, row.seq, row.body):
                # Behind a known gap the chain goes on from its anchor.
                if groups:
                    yield before, groups
                bridge = journal.hash_at(row.seq - 1)
                before = head = Head(row.seq - 1, bridge if bridge is not None else START.hash)
                groups, size = [], 0
            head = Head(row.seq, row.hash)
            groups.append((head, [row.body]))
            size += len(row.body)
            if size >= SEGMENT_BYTES:
                yield before, groups
                before, groups, size = head, [], 0
    if groups:
        yield before, groups
