"""The steps that bring a journal into order. Each is whole or not begun, whenever power goes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import msgspec

from store_forward.contract.canonical import chain_hash, encode_entry
from store_forward.contract.facts import EntriesLost, JournalRebuilt, JournalReplaced
from store_forward.store.driver import Connection
from store_forward.store.errors import StoreMissing
from store_forward.store.head import START, Head
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal
from store_forward.store.recovery.decision import AppendTail, LeaveOut, Rebuild, Replace
from store_forward.store.recovery.findings import Gap, MirrorFinding, Opened
from store_forward.store.recovery.look import Looked, write_status
from store_forward.store.recovery.notes import Mended
from store_forward.store.recovery.report import Range, ranges
from store_forward.store.recovery.restoring import put_anchor, put_groups, restore
from store_forward.store.recovery.scan import Recovered, read_stretches

NUMBERS_LEFT_OUT = 2000
"""Of slips and patients, when a journal is replaced or its end is lost: more than a week's, which
the lost end may have given."""


def create(store: Mended, looked: Looked, *, wanted: bool, incarnation: str | None) -> None:
    """Make a store where there is none. Raises StoreMissing where none is ``wanted``."""
    if not wanted:
        raise looked.fault or StoreMissing(store.path, "there is no store", "Check the path")
    from store_forward.store import migrations

    store.set_segments_aside()
    life = incarnation or uuid.uuid4().hex
    migrations.create_store(store.path, store.key, store.device, life)


def append_tail(store: Mended, plan: AppendTail, looked: Looked) -> None:
    """Put the end that the database lost back, from the mirror."""
    connection, database = _open(looked)
    lost = ranges(plan.gaps)
    if lost:
        _note_lost(connection, lost)
    if plan.left_out is not None:
        _note_left_out(connection, plan.left_out)
    groups = read_stretches(store.mirror.directory, store.key, plan.stretches)
    head = restore(connection, database.head, groups)
    store.notes.why.append(f"the database had lost its end after entry {database.head.seq}")
    store.notes.restored_from_mirror(plan.stretches[0].after.seq + 1, head.seq, lost)


def rebuild(store: Mended, plan: Rebuild, looked: Looked) -> None:
    """Make the database anew from the mirror, and put it in the place of what is there."""
    from store_forward.store import migrations

    mirror = looked.findings.mirror
    if mirror is None:
        raise ValueError("nothing to rebuild from")
    lost = ranges(plan.gaps)

    def fill(connection: Connection) -> None:
        put_anchor(connection, plan.base, "dropped")
        groups = read_stretches(store.mirror.directory, store.key, plan.stretches)
        restore(connection, plan.base, groups)
        connection.execute(
            "UPDATE stream SET acked_seq = ? WHERE name = 'gateway'", (plan.base.seq,)
        )
        if mirror.counter is not None:
            write_status(connection, "counter", b"%d" % mirror.counter)
        if lost:
            _note_lost(connection, lost)
        if plan.left_out is not None:
            _note_left_out(connection, plan.left_out)
        if plan.base.seq > 0:
            fact = JournalRebuilt(base_seq=plan.base.seq, numbers=dict(mirror.numbers))
            write_status(connection, "rebuilt", msgspec.json.encode(fact))

    with migrations.new_store(store.path, store.key, mirror.identity, fill) as put_in_place:
        store.set_database_aside()
        put_in_place()
    last = plan.stretches[-1].last.seq if plan.stretches else plan.base.seq
    store.notes.why.append(plan.why)
    store.notes.restored_from_mirror(plan.base.seq + 1, last, lost)


def leave_out(store: Mended, plan: LeaveOut, looked: Looked) -> None:
    """Go on behind the numbers that lost entries may have had, and say so in the first entry."""
    connection, database = _open(looked)
    first, last = plan.gap.first_seq, plan.gap.last_seq
    incarnation = database.identity.incarnation
    rebuilt = JournalRebuilt(database.base.seq, _beyond(looked.findings.mirror))
    facts = (EntriesLost(first, last, incarnation), rebuilt)
    bodies = tuple(encode_entry(store.entry_of(fact)) for fact in facts)
    # No entry has this hash: what stood there is not known. What follows continues it.
    behind = Head(last, chain_hash(database.head.hash, last, b""))
    with connection.transaction():
        put_groups(connection, database.head, [Recovered(behind, bodies)])
        write_status(connection, "left_out", None)
        write_status(connection, "rebuilt", None)  # told, with greater numbers
    store.notes.why.append(
        f"the end of the mirror behind entry {first - 1} cannot be read, and no other copy has it: "
        f"the numbers up to {last}, more than it can have held, are not given again"
    )
    store.notes.lost.append(Range(first, last))


def replace(store: Mended, plan: Replace, looked: Looked) -> None:
    """Begin a new journal with what the one that ends here had not sent."""
    from store_forward.store import migrations

    old, database = _open(looked)
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
    first = encode_entry(store.entry_of(fact))
    stands_at = store.counter.read()

    def fill(new: Connection) -> None:
        restore(new, START, _chained(first, Journal(old), plan))
        write_status(new, "previous_incarnation", incarnation.encode())
        if stands_at is not None:
            write_status(new, "counter", b"%d" % stands_at)

    identity = Identity(store.device, uuid.uuid4().hex)
    with migrations.new_store(store.path, store.key, identity, fill) as put_in_place:
        store.set_database_aside()
        put_in_place()
    store.set_segments_aside()
    store.notes.replaced = incarnation
    store.notes.why.append(f"this disk holds an older copy ({plan.reason})")
    store.notes.lost.append(Range(plan.first_lost, plan.last_lost))


def _open(looked: Looked) -> tuple[Connection, Opened]:
    connection, database = looked.connection, looked.findings.database
    if connection is None or not isinstance(database, Opened):
        raise ValueError("this step needs a database that opens")
    return connection, database


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


def _note_left_out(connection: Connection, gap: Gap) -> None:
    write_status(connection, "left_out", msgspec.json.encode((gap.first_seq, gap.last_seq)))
