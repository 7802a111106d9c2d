"""Reference data pulled from the HIS: departments, doctors, schedules, each with its age."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from store_forward.contract.wire import (
    Department,
    Doctor,
    ReferenceChange,
    ReferencePage,
    Schedule,
)
from store_forward.store.driver import Connection
from store_forward.store.errors import UnreadableAnswer

Record = Department | Doctor | Schedule
_R = TypeVar("_R", Department, Doctor, Schedule)

SETS: dict[str, type[Department] | type[Doctor] | type[Schedule]] = {
    "departments": Department,
    "doctors": Doctor,
    "schedules": Schedule,
}


class Freshness(msgspec.Struct, frozen=True):
    """Where a set stands. ``as_of`` is the gateway's time of the last complete pull, or None."""

    cursor: str
    as_of: str | None


class Reference:
    """The reference data of one store file."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def apply(self, page: ReferencePage) -> None:
        """Apply a page of deltas and tombstones together with its cursor.

        The age moves only with the last page of a pull: half a pull is not fresh.

        Raises:
            UnreadableAnswer: unknown set, or a record of the wrong shape; nothing was changed.
        """
        if page.set not in SETS:
            raise UnreadableAnswer(f"reference set {page.set!r} is none of {', '.join(SETS)}")
        changes = [(change.key, _checked(page.set, change)) for change in page.changes]
        with self._connection.transaction():
            for key, record in changes:
                self._put(page.set, key, record)
            self._connection.execute(
                'INSERT INTO reference_cursor ("set", cursor, as_of) VALUES (?, ?, ?) '
                'ON CONFLICT ("set") DO UPDATE SET cursor = excluded.cursor, '
                "as_of = ifnull(excluded.as_of, as_of)",
                (page.set, page.cursor, page.as_of if page.complete else None),
            )

    def freshness(self, set_name: str) -> Freshness | None:
        """Cursor and age of a set; None before its first page."""
        row = self._connection.row(
            'SELECT cursor, as_of FROM reference_cursor WHERE "set" = ?', (set_name,)
        )
        return Freshness(*row) if row else None

    def load_departments(self) -> tuple[Department, ...]:
        """All departments, by code."""
        return self._load("departments", Department)

    def load_doctors(self) -> tuple[Doctor, ...]:
        """All doctors, by code."""
        return self._load("doctors", Doctor)

    def load_schedules(self) -> tuple[Schedule, ...]:
        """All schedules, by code."""
        return self._load("schedules", Schedule)

    def _load(self, set_name: str, type_: type[_R]) -> tuple[_R, ...]:
        found = self._connection.rows(
            'SELECT record FROM reference WHERE "set" = ? ORDER BY key', (set_name,)
        )
        decoder = msgspec.json.Decoder(type_)
        return tuple(decoder.decode(record) for (record,) in found)

    def _put(self, set_name: str, key: str, record: bytes | None) -> None:
        if record is None:
            self._connection.execute(
                'DELETE FROM reference WHERE "set" = ? AND key = ?', (set_name, key)
            )
            return
        self._connection.execute(
            'INSERT INTO reference ("set", key, record) VALUES (?, ?, ?) '
            'ON CONFLICT ("set", key) DO UPDATE SET record = excluded.record',
            (set_name, key, record),
        )


def _checked(set_name: str, change: ReferenceChange) -> bytes | None:
    """The record's bytes in our own encoding, or None for a tombstone."""
    if change.record is None:
        return None
    try:
        record = msgspec.json.decode(change.record, type=SETS[set_name])
    except msgspec.MsgspecError as error:
        raise UnreadableAnswer(f"{set_name} record {change.key!r}: {error}") from error
    if record.code != change.key:
        raise UnreadableAnswer(f"{set_name} record {change.key!r} carries the code {record.code!r}")
    return msgspec.json.encode(record)
