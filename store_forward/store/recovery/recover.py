"""Brings a journal into order at core's start, one idempotent step after the other.

After each step everything is looked at anew, so a cut at any moment is one more start.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_never

import msgspec

from store_forward.contract.canonical import chain_hash, encode_entry
from store_forward.contract.facts import EntriesLost, Entry, JournalRebuilt, JournalReplaced
from store_forward.store.driver import Connection
from store_forward.store.errors import DamagedStore, StoreMissing
from store_forward.store.head import START, Head
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal
from store_forward.store.keys import StoreKey
from store_forward.store.mirror.mirror import Mirror
from store_forward.store.mirror.segment import (
    SEGMENT_BYTES,
    list_segments,
    segment_name,
    shorten,
)
from store_forward.store.recovery.counter import Counter
from store_forward.store.recovery.decision import (
    AppendTail,
    Create,
    GoOn,
    Plan,
    Rebuild,
    Refuse,
    Replace,
    decide,
)
from store_forward.store.recovery.durable import make_durable
from store_forward.store.recovery.findings import MirrorFinding, Opened, Run, holes
from store_forward.store.recovery.look import Looked, look, read_status, write_status
from store_forward.store.recovery.report import Range, RecoveryReport, ranges
from store_forward.store.recovery.restoring import put_anchor, restore
from store_forward.store.recovery.scan import Recovered, read_stretches
from store_forward.store.recovery.set_aside import set_database_aside, set_segments_aside

MOST_STEPS = 6
"""More than any state needs: recovery that does not come to an end must say so."""

NUMBERS_LEFT_OUT = 2000
"""Of slips and patients, when a journal is replaced: more than a week's, which the lost end of the
old one may have given."""

EntryOf = Callable[[EntriesLost | JournalRebuilt | JournalReplaced], Entry]
"""Puts a fact of recovery into an entry, with id and circumstances."""


@dataclass(slots=True)
class _Notes:
    why: list[str] = field(default_factory=list)
    restored: list[Range] = field(default_factory=list)
    lost: list[Range] = field(default_factory=list)
    mirrored: list[Range] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    damage: dict[str, None] = field(default_factory=dict)
    replaced: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A journal in order: its open database, whose it is, and what had to be done."""

    connection: Connection
    identity: Identity
    report: RecoveryReport
    counter: int | None


class Recovery:
    """Recovers one store. ``mirror`` is locked by the caller; ``now`` returns an aware time."""

    def __init__(
        self,
        path: Path,
        key: StoreKey,
        mirror: Mirror,
        device: str,
        *,
        counter: Counter,
        now: Callable[[], datetime],
        entry_of: EntryOf,
    ) -> None:
        self._path = path
        self._key = key
        self._mirror = mirror
        self._device = device
        self._counter = counter
        self._now = now
        self._entry_of = entry_of
        self._notes = _Notes()

    def run(self, *, create: bool, incarnation: str | None) -> Kept:
        """Bring the journal into order and open it.

        Raises:
            StoreMissing: there is none, and none was to be made.
            StoreError: nothing here can mend it; the files are as they were.
        """
        suspect = suspicion(self._path)
        thorough = suspect.exists()
        for _ in range(MOST_STEPS):
            looked = self._look(thorough)
            plan = decide(looked.findings)
            if _is_doubtful(plan) and not thorough and looked.connection is not None:
                thorough = True  # more than the last append is missing: look at every page
                looked.connection.close()
                continue
            if isinstance(plan, GoOn) and looked.connection is not None:
                try:
                    return self._settle(looked, looked.connection, suspect)
                except BaseException:
                    looked.connection.close()
                    raise
            try:
                self._carry_out(plan, looked, create=create, incarnation=incarnation)
            finally:
                if looked.connection is not None:
                    looked.connection.close()
        raise DamagedStore(
            self._path,
            f"recovery came to no end after {MOST_STEPS} steps",
            "Keep all files and restore the store from backup",
        )

    def _look(self, thorough: bool) -> Looked:
        looked = look(
            self._path,
            self._mirror.directory,
            self._key,
            self._device,
            self._counter.read(),
            thorough=thorough,
        )
        self._notes.damage |= dict.fromkeys(looked.findings.unreadable)
        return looked

    def _carry_out(
        self, plan: Plan, looked: Looked, *, create: bool, incarnation: str | None
    ) -> None:
        match plan:
            case GoOn():
                pass
            case Create():
                self._create(looked, create, incarnation)
            case Refuse():
                raise looked.fault or DamagedStore(self._path, plan.why, "Restore it from backup")
            case AppendTail():
                self._append_tail(plan, looked)
            case Rebuild():
                self._rebuild(plan, looked)
            case Replace():
                self._replace(plan, looked)
            case _:
                assert_never(plan)

    # --- steps -----------------------------------------------------------------------------------

    def _create(self, looked: Looked, create: bool, incarnation: str | None) -> None:
        if not create:
            raise looked.fault or StoreMissing(self._path, "there is no store", "Check the path")
        from store_forward.store import migrations

        self._set_segments_aside(None)
        life = incarnation or uuid.uuid4().hex
        migrations.create_store(self._path, self._key, self._device, life)

    def _append_tail(self, plan: AppendTail, looked: Looked) -> None:
        connection, database = looked.connection, looked.findings.database
        if connection is None or not isinstance(database, Opened):
            raise ValueError("only an open database takes a tail")
        lost = ranges(plan.gaps)
        if lost:
            _note_lost(connection, lost)
        groups = read_stretches(self._mirror.directory, self._key, plan.stretches)
        head = restore(connection, database.head, groups)
        self._notes.why.append(f"the database had lost its end after entry {database.head.seq}")
        self._note_restored(plan.stretches[0].after.seq + 1, head.seq, lost)

    def _rebuild(self, plan: Rebuild, looked: Looked) -> None:
        from store_forward.store import migrations

        mirror = looked.findings.mirror
        if mirror is None:
            raise ValueError("nothing to rebuild from")
        lost = ranges(plan.gaps)

        def fill(connection: Connection) -> None:
            put_anchor(connection, plan.base, "dropped")
            groups = read_stretches(self._mirror.directory, self._key, plan.stretches)
            restore(connection, plan.base, groups)
            connection.execute(
                "UPDATE stream SET acked_seq = ? WHERE name = 'gateway'", (plan.acked_seq,)
            )
            if mirror.counter is not None:
                write_status(connection, "counter", b"%d" % mirror.counter)
            if lost:
                _note_lost(connection, lost)
            if plan.base.seq > 0:
                fact = JournalRebuilt(base_seq=plan.base.seq, numbers=dict(mirror.numbers))
                write_status(connection, "rebuilt", msgspec.json.encode(fact))

        with migrations.new_store(self._path, self._key, mirror.identity, fill) as put_in_place:
            self._notes.set_aside += set_database_aside(self._path, self._now())
            put_in_place()
        last = plan.stretches[-1].last.seq if plan.stretches else plan.base.seq
        self._notes.why.append(plan.why)
        self._note_restored(plan.base.seq + 1, last, lost)

    def _replace(self, plan: Replace, looked: Looked) -> None:
        from store_forward.store import migrations

        old, database = looked.connection, looked.findings.database
        if old is None or not isinstance(database, Opened):
            raise ValueError("only what is open can be replaced")
        incarnation = database.identity.incarnation
        fact = JournalReplaced(
            previous_incarnation=incarnation,
            reason=plan.reason.value,
            first_lost=plan.first_lost,
            last_lost=plan.last_lost,
            first_unsent=plan.first_unsent,
            last_unsent=plan.last_unsent,
            numbers=_beyond(looked.findings.mirror),
        )
        first = encode_entry(self._entry_of(fact))
        stands_at = self._counter.read()

        def fill(new: Connection) -> None:
            restore(new, START, _chained(first, Journal(old), plan))
            write_status(new, "previous_incarnation", incarnation.encode())
            if stands_at is not None:
                write_status(new, "counter", b"%d" % stands_at)

        identity = Identity(self._device, uuid.uuid4().hex)
        with migrations.new_store(self._path, self._key, identity, fill) as put_in_place:
            self._notes.set_aside += set_database_aside(self._path, self._now())
            put_in_place()
        self._set_segments_aside(None)
        self._notes.replaced = incarnation
        self._notes.why.append(f"this disk holds an older copy ({plan.reason})")
        self._notes.lost.append(Range(plan.first_lost, plan.last_lost))

    # --- when the database is right --------------------------------------------------------------

    def _settle(self, looked: Looked, connection: Connection, suspect: Path) -> Kept:
        """Fill the mirror, write the counter down, say what was lost, keep the report."""
        database, finding = looked.findings.database, looked.findings.mirror
        if not isinstance(database, Opened):
            raise ValueError("not open")
        if finding is not None and finding.identity != database.identity:
            finding = None
        make_durable(self._path, self._mirror.directory)
        if finding is None:
            self._set_segments_aside(None)
        counter = self._next_count(connection, looked)
        outbox = _Outbox(connection)
        self._mirror.attach(database.identity, outbox.settled_seq, counter)
        self._fill_mirror(connection, database, finding)
        if finding is not None:
            self._tidy_mirror(finding)
        self._tell(connection)
        report = self._report(database.identity.incarnation)
        if report.is_worth_telling:
            with connection.transaction():
                write_status(connection, "recovery", msgspec.json.encode(report))
        with suppress(OSError):  # then the next start looks closely once more
            suspect.unlink(missing_ok=True)
        return Kept(connection, database.identity, report, counter)

    def _fill_mirror(
        self, connection: Connection, database: Opened, finding: MirrorFinding | None
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
                self._mirror.fill(before, groups)
                chunks += 1
            if chunks:  # else the range is lost, and told
                self._notes.mirrored.append(Range(first, last))

    def _tidy_mirror(self, finding: MirrorFinding) -> None:
        """Set aside what is damaged or of another journal, now that all of it stands elsewhere;
        cut off behind the others what no record is: room, or an append that was cut short."""
        self._set_segments_aside({*finding.foreign, *finding.spoilt})
        for number, end in finding.ends:
            if number not in finding.foreign:
                shorten(self._mirror.directory / segment_name(number), end)

    def _next_count(self, connection: Connection, looked: Looked) -> int | None:
        """Advance the counter, written down first: a cut in between must not look like fraud."""
        stands_at = looked.findings.counter
        if stands_at is None:
            return None
        database, mirror = looked.findings.database, looked.findings.mirror
        written = [
            one.counter for one in (database, mirror) if isinstance(one, Opened | MirrorFinding)
        ]
        known = max((one for one in written if one is not None), default=stands_at)
        target = known if known == stands_at + 1 else stands_at + 1
        with connection.transaction():
            write_status(connection, "counter", b"%d" % target)
        self._counter.advance()
        return target

    def _tell(self, connection: Connection) -> None:
        """What is not here any more becomes a fact of the journal itself, for core and the HIS."""
        rebuilt = read_status(connection, "rebuilt")
        lost = read_status(connection, "entries_lost")
        facts: list[EntriesLost | JournalRebuilt] = []
        if rebuilt is not None:
            facts.append(msgspec.json.decode(rebuilt, type=JournalRebuilt))
        if lost is not None:
            ranges = msgspec.json.decode(lost, type=list[Range])
            facts += [EntriesLost(first_seq=one.first, last_seq=one.last) for one in ranges]
        if not facts:
            return
        entries = [self._entry_of(fact) for fact in facts]
        Journal(connection, self._mirror).append(entries)
        with connection.transaction():
            write_status(connection, "rebuilt", None)
            write_status(connection, "entries_lost", None)

    # --- notes -----------------------------------------------------------------------------------

    def _set_segments_aside(self, numbers: set[int] | None) -> None:
        """Set these segments aside; all of them where ``numbers`` is None."""
        found = [number for number, _ in list_segments(self._mirror.directory)]
        chosen = [one for one in found if numbers is None or one in numbers]
        self._notes.set_aside += set_segments_aside(self._mirror.directory, chosen, self._now())

    def _note_restored(self, first: int, last: int, lost: tuple[Range, ...]) -> None:
        if first <= last:
            self._notes.restored.append(Range(first, last))
        self._notes.lost += lost

    def _report(self, incarnation: str) -> RecoveryReport:
        notes = self._notes
        return RecoveryReport(
            at=self._now().astimezone(UTC).isoformat(timespec="seconds"),
            incarnation=incarnation,
            why=tuple(notes.why),
            restored=tuple(notes.restored),
            lost=tuple(notes.lost),
            mirrored=tuple(notes.mirrored),
            set_aside=tuple(notes.set_aside),
            damage=tuple(notes.damage),
            replaced=notes.replaced,
        )


class _Outbox:
    """What of the journal the mirror need not keep any longer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def settled_seq(self) -> int:
        """Acknowledged by the gateway and in the main file; 0 where the log could not be copied."""
        row = self._connection.row("SELECT acked_seq FROM stream WHERE name = 'gateway'")
        copied = self._connection.row("PRAGMA wal_checkpoint(PASSIVE)")
        if row is None or copied is None or copied[0] != 0 or copied[1] != copied[2]:
            return 0
        return int(row[0])


def suspicion(path: Path) -> Path:
    """A file that says: the database was found damaged while it was in use."""
    return path.with_name(path.name + ".suspect")


def _is_doubtful(plan: Plan) -> bool:
    """Whether more is missing than what a power cut in the middle of an append explains."""
    if not isinstance(plan, AppendTail):
        return False
    first, last = plan.stretches[0].after.seq, plan.stretches[-1].last.seq
    return last - first > 1 or bool(plan.gaps)


def _chained(first: bytes, old: Journal, plan: Replace) -> Iterator[Recovered]:
    """The new journal: its first entry, and what the old one had not sent, chained anew."""
    head = START
    for body in _bodies(first, old, plan):
        yield Recovered(head, (body,))
        head = Head(head.seq + 1, chain_hash(head.hash, head.seq + 1, body))


def _bodies(first: bytes, old: Journal, plan: Replace) -> Iterator[bytes]:
    yield first
    after = plan.first_unsent - 1
    while plan.first_unsent and (rows := old.read(after, 500)):
        for row in rows:
            yield row.body
        after = rows[-1].seq


def _beyond(mirror: MirrorFinding | None) -> dict[str, int]:
    """Numbers that the lost end of a journal will not have reached."""
    return (
        {name: last + NUMBERS_LEFT_OUT for name, last in mirror.numbers.items()} if mirror else {}
    )


def _note_lost(connection: Connection, lost: tuple[Range, ...]) -> None:
    write_status(connection, "entries_lost", msgspec.json.encode(lost))


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
