"""What the database knows of a kiosk's journal: its mark, its fence, the links of its chain."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, insert, select, union, update

from store_forward.contract.spans import Range, gaps, merged
from store_forward.gateway.problems import Refused
from store_forward.gateway.statements import add_if_absent
from store_forward.gateway.streams import ChainLink, Mark, moved
from store_forward.gateway.tables import alarm, device, inbox, lost_range, stream, withheld
from store_forward.gateway.times import to_text

ENDED = ("settled", "withdrawn")
"""States of a withheld entry that a person has ended: the mark moves over it."""

HELD = ("parked", "resend")
"""States of a withheld entry that is waited for."""

_STEP = 1_000
"""Rows read at once behind a mark."""


@dataclass(frozen=True)
class JournalId:
    """One life of one kiosk's store."""

    device: str
    incarnation: str


@dataclass(frozen=True)
class JournalState:
    """How far a journal is here, locked until commit. ``is_new``: this is the first of it."""

    mark: Mark
    fenced_at: str | None
    fenced_seq: int | None
    is_new: bool


@dataclass(frozen=True)
class Links:
    """What is known of some entries. ``recorded`` are rows of the inbox by seq, ``withheld`` the
    states of entries that the kiosk told it holds parked."""

    known: dict[int, ChainLink]
    recorded: dict[int, Any]
    withheld: dict[int, str]


_OF_JOURNAL: dict[str, BindParameter[str]] = {
    "of_device": bindparam("of_device"),
    "of_incarnation": bindparam("of_incarnation"),
}
_BEGIN = add_if_absent(stream).returning(stream.c.device)
_LOCK_DEVICE = (
    select(device.c.incarnation)
    .where(device.c.device == _OF_JOURNAL["of_device"])
    .with_for_update()
)
_LOCK = (
    select(stream)
    .where(
        stream.c.device == _OF_JOURNAL["of_device"],
        stream.c.incarnation == _OF_JOURNAL["of_incarnation"],
    )
    .with_for_update()
)
_RECORDED = select(
    inbox.c.seq,
    inbox.c.hash,
    inbox.c.previous_hash,
    inbox.c.entry_id,
    inbox.c.outcome,
    inbox.c.his_ref,
    inbox.c.code,
).where(
    inbox.c.device == _OF_JOURNAL["of_device"],
    inbox.c.incarnation == _OF_JOURNAL["of_incarnation"],
    inbox.c.seq.in_(bindparam("wanted", expanding=True)),
)
_WITHHELD = select(
    withheld.c.seq, withheld.c.hash, withheld.c.previous_hash, withheld.c.state
).where(
    withheld.c.device == _OF_JOURNAL["of_device"],
    withheld.c.incarnation == _OF_JOURNAL["of_incarnation"],
    withheld.c.seq.in_(bindparam("wanted", expanding=True)),
)
_BEYOND_RECORDED = select(inbox.c.seq, inbox.c.hash).where(
    inbox.c.device == _OF_JOURNAL["of_device"],
    inbox.c.incarnation == _OF_JOURNAL["of_incarnation"],
    inbox.c.seq > bindparam("after"),
)
_BEYOND_ENDED = select(withheld.c.seq, withheld.c.hash).where(
    withheld.c.device == _OF_JOURNAL["of_device"],
    withheld.c.incarnation == _OF_JOURNAL["of_incarnation"],
    withheld.c.seq > bindparam("after"),
    withheld.c.state.in_(ENDED),
)
_BEYOND = union(_BEYOND_RECORDED, _BEYOND_ENDED).order_by("seq").limit(_STEP)
_LOST = (
    select(lost_range.c.first_seq, lost_range.c.last_seq)
    .where(
        lost_range.c.device == _OF_JOURNAL["of_device"],
        lost_range.c.incarnation == _OF_JOURNAL["of_incarnation"],
        lost_range.c.last_seq > bindparam("after"),
    )
    .order_by(lost_range.c.first_seq)
)


def lock_journal(connection: Connection, journal: JournalId) -> JournalState:
    """Lock a kiosk and its journal until commit; the journal's row is made if it is not there.

    With the device's row locked, batches of one kiosk come one after another, also those of its
    old disk beside those of its new one: their orders and notes are keyed alike. A row that is
    not there cannot be locked, so whoever is first makes it. FOR UPDATE has no meaning on SQLite,
    where BEGIN IMMEDIATE holds the whole database.

    Raises Refused (409) for an incarnation the kiosk was not enrolled with.
    """
    where = _where(journal)
    pinned = connection.execute(_LOCK_DEVICE, where).scalar()
    if pinned is not None and pinned != journal.incarnation:
        detail = f"$.incarnation is not {pinned}, the one {journal.device} was enrolled with"
        raise Refused(409, "other_incarnation", detail, alarm=True)
    start = Mark()
    begun = connection.execute(
        _BEGIN,
        {
            "device": journal.device,
            "incarnation": journal.incarnation,
            "high_water": start.high_water,
            "head_hash": start.head_hash,
            "fenced_at": None,
            "fenced_seq": None,
        },
    )
    is_new = begun.first() is not None
    row = connection.execute(_LOCK, where).one()
    mark = Mark(row.high_water, row.head_hash)
    return JournalState(mark, row.fenced_at, row.fenced_seq, is_new=is_new)


def read_links(connection: Connection, journal: JournalId, seqs: Collection[int]) -> Links:
    """Return what is known of these entries and of those beside them."""
    beside = {near for seq in seqs for near in (seq - 1, seq, seq + 1)}
    where = {**_where(journal), "wanted": sorted(beside)}
    told = connection.execute(_WITHHELD, where).all()
    recorded = connection.execute(_RECORDED, where).all()
    return Links(
        known={row.seq: ChainLink(row.hash, row.previous_hash) for row in (*told, *recorded)},
        recorded={row.seq: row for row in recorded},
        withheld={row.seq: row.state for row in told},
    )


def read_beyond(
    connection: Connection, journal: JournalId, after: int
) -> Iterator[tuple[int, str]]:
    """Yield seq and hash of what is recorded or settled beyond a seq, ascending."""
    while True:
        rows = connection.execute(_BEYOND, {**_where(journal), "after": after}).all()
        yield from ((row.seq, row.hash) for row in rows)
        if len(rows) < _STEP:
            return
        after = rows[-1].seq


def read_lost(connection: Connection, journal: JournalId, after: int) -> tuple[Range, ...]:
    """Return the ranges told to be lost that end beyond a seq, ascending."""
    rows = connection.execute(_LOST, {**_where(journal), "after": after})
    return tuple(Range(row.first_seq, row.last_seq) for row in rows)


def note_lost(
    connection: Connection, journal: JournalId, told: Range, told_seq: int, now: datetime
) -> None:
    """Keep what is lost of the entries that the kiosk told it has lost: those that are not here.

    The caller has locked the journal. What was told before stays as it was told first.
    """
    high_water = connection.execute(_LOCK, _where(journal)).one().high_water
    after = max(told.first - 1, high_water)
    beyond = read_beyond(connection, journal, after)
    here = [Range(seq, seq) for seq, _ in takewhile(lambda each: each[0] <= told.last, beyond)]
    missing = gaps(merged([*here, *read_lost(connection, journal, after)]), after, told.last)
    if missing:
        connection.execute(
            insert(lost_range),
            [
                {
                    "device": journal.device,
                    "incarnation": journal.incarnation,
                    "first_seq": each.first,
                    "last_seq": each.last,
                    "told_seq": told_seq,
                    "told_at": to_text(now),
                }
                for each in missing
            ],
        )


def advance(connection: Connection, journal: JournalId, mark: Mark) -> Mark:
    """Move the mark as far as it goes; return it."""
    lost = read_lost(connection, journal, mark.high_water)
    new = moved(mark, read_beyond(connection, journal, mark.high_water), lost)
    if new != mark:
        connection.execute(
            update(stream)
            .where(stream.c.device == journal.device, stream.c.incarnation == journal.incarnation)
            .values(high_water=new.high_water, head_hash=new.head_hash)
        )
    return new


def end_journal(connection: Connection, journal: JournalId, seq: int, now: datetime) -> Mark:
    """Fence a kiosk's journal at ``seq``; the first fence counts. Returns how far it is here.

    The caller holds the kiosk's row, so no batch of that journal is in between.
    """
    start = Mark()
    connection.execute(
        add_if_absent(stream),
        {
            "device": journal.device,
            "incarnation": journal.incarnation,
            "high_water": start.high_water,
            "head_hash": start.head_hash,
            "fenced_at": None,
            "fenced_seq": None,
        },
    )
    of_journal = (stream.c.device == journal.device) & (stream.c.incarnation == journal.incarnation)
    connection.execute(
        update(stream)
        .where(of_journal, stream.c.fenced_at.is_(None))
        .values(fenced_at=to_text(now), fenced_seq=seq)
    )
    row = connection.execute(_LOCK, _where(journal)).one()
    return Mark(row.high_water, row.head_hash)


def write_alarm(
    connection: Connection, alarm_id: str, device_id: str, code: str, detail: str, now: datetime
) -> None:
    """Tell a person of a contradiction; the same again is told once."""
    known = connection.execute(
        select(alarm.c.alarm_id).where(
            alarm.c.device == device_id, alarm.c.code == code, alarm.c.detail == detail
        )
    ).first()
    if known is None:
        connection.execute(
            insert(alarm).values(
                device=device_id,
                alarm_id=alarm_id,
                code=code,
                detail=detail,
                raised_at=to_text(now),
            )
        )


def _where(journal: JournalId) -> dict[str, Any]:
    return {"of_device": journal.device, "of_incarnation": journal.incarnation}
