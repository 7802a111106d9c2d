"""Reference data as deltas: every change of a record gets the next version of its set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from store_forward.contract.wire import ReferenceChange, ReferencePage, Schedule
from store_forward.gateway.allotments import SlotState
from store_forward.gateway.counters import last_given, take_next, take_turn
from store_forward.gateway.problems import Refused
from store_forward.gateway.statements import add_if_absent
from store_forward.gateway.tables import gateway, reference, slot
from store_forward.gateway.times import to_text

SETS = ("departments", "doctors", "schedules")

PAGE_RECORDS = 500
"""Changes in one answer; ``complete`` is false when more are waiting."""


def publish(connection: Connection, set_name: str, records: Mapping[str, bytes]) -> int:
    """Make ``records`` the whole content of the set. Returns how many records changed.

    What is no longer there becomes a tombstone.
    """
    known: dict[str, bytes | None] = {
        row.key: row.record
        for row in connection.execute(
            select(reference.c.key, reference.c.record).where(reference.c.set == set_name)
        )
    }
    changed = {key: record for key, record in records.items() if known.get(key) != record}
    gone = [key for key, record in known.items() if record is not None and key not in records]
    for key, record in changed.items():
        _write(connection, set_name, key, record, is_new=key not in known)
    for key in gone:
        _write(connection, set_name, key, None, is_new=False)
    return len(changed) + len(gone)


def refresh_schedules(connection: Connection, codes: Iterable[str], now: datetime) -> None:
    """Publish the remaining number of these schedules anew.

    With the turn of the set it counts what all others have committed; who comes next counts more.
    """
    wanted = sorted(codes)
    if wanted:
        take_turn(connection, version_counter("schedules"))
    for code in wanted:
        record = connection.execute(
            select(reference.c.record).where(
                reference.c.set == "schedules", reference.c.key == code
            )
        ).scalar()
        if record is None:
            continue
        remaining = connection.execute(
            select(func.count()).where(slot.c.schedule_code == code, slot.c.state != SlotState.SOLD)
        ).scalar_one()
        schedule = msgspec.json.decode(record, type=Schedule)
        schedule = msgspec.structs.replace(schedule, remaining=remaining, as_of=to_text(now))
        _write(connection, "schedules", code, msgspec.json.encode(schedule), is_new=False)


def read_page(
    connection: Connection, set_name: str, since: str | None, now: datetime
) -> ReferencePage:
    """Return what changed since a cursor; everything for no cursor or one of another database.

    Raises Refused: 404 for an unknown set, 422 for a cursor that is none.
    """
    if set_name not in SETS:
        raise Refused(404, "unknown_set", f"there is no set {set_name!r}: {', '.join(SETS)}")
    epoch = epoch_of(connection)
    after = _version_of(since, epoch)
    newest = last_given(connection, version_counter(set_name))
    if after > newest:
        after = 0
    rows = connection.execute(
        select(reference.c.key, reference.c.record, reference.c.version)
        .where(reference.c.set == set_name, reference.c.version > after)
        .order_by(reference.c.version)
        .limit(PAGE_RECORDS + 1)
    ).all()
    sent = rows[:PAGE_RECORDS]
    reached = sent[-1].version if sent else newest
    return ReferencePage(
        set=set_name,
        cursor=f"{epoch}.{reached}",
        as_of=to_text(now),
        changes=tuple(
            ReferenceChange(row.key, msgspec.Raw(row.record) if row.record is not None else None)
            for row in sent
        ),
        complete=len(rows) <= PAGE_RECORDS,
    )


def epoch_of(connection: Connection) -> str:
    """The random name of this database: cursors of another one mean nothing here."""
    return str(
        connection.execute(select(gateway.c.value).where(gateway.c.name == "epoch")).scalar_one()
    )


def set_epoch(connection: Connection, epoch: str) -> None:
    """Name a new database. No effect on one that has a name."""
    connection.execute(add_if_absent(gateway).values(name="epoch", value=epoch))


def version_counter(set_name: str) -> str:
    """The counter of a set's versions. They are given in the order of commits: no reader of
    deltas misses one that was taken earlier and committed later."""
    return f"reference:{set_name}"


def _version_of(cursor: str | None, epoch: str) -> int:
    if not cursor:
        return 0
    name, dot, version = cursor.rpartition(".")
    if not dot or not version.isascii() or not version.isdecimal() or len(version) > 15:
        raise Refused(422, "bad_cursor", "since: not a cursor this gateway gave")
    return int(version) if name == epoch else 0


def _write(
    connection: Connection, set_name: str, key: str, record: bytes | None, *, is_new: bool
) -> None:
    version = take_next(connection, version_counter(set_name))
    if is_new:
        connection.execute(
            insert(reference).values(set=set_name, key=key, version=version, record=record)
        )
    else:
        connection.execute(
            update(reference)
            .where(reference.c.set == set_name, reference.c.key == key)
            .values(version=version, record=record)
        )
