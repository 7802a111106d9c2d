"""Drops what is old, acknowledged and proven, in small steps, and gives the room back."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime

import msgspec

from store_forward.store import driver
from store_forward.store.archive.anchors import Checkpoints, Signer
from store_forward.store.archive.purge import (
    WINDOW_ENTRIES,
    Line,
    SpanEnd,
    Standings,
    Terms,
    last_purgeable,
)
from store_forward.store.driver import Connection
from store_forward.store.errors import StoreBusy
from store_forward.store.head import Head
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal
from store_forward.store.sending.exceptions import Exceptions
from store_forward.store.sending.outbox import Outbox

SMALLEST_WASTE_BYTES = 4_000_000
"""Less free room inside the file than this is left for new entries."""

MOST_KEPT_BYTES = 32_000_000
"""SQLite builds the new file in memory, as its temporary files must not go to a disk in the clear.
With more than this core would come near what its unit may use, and be ended for it each time."""


class _Entry(msgspec.Struct):
    business_date: str = ""


class _Span(msgspec.Struct):
    first_seq: int
    last_seq: int
    last_hash: str


class _Receipt(msgspec.Struct):
    """A receipt of either contract: with spans, or one range as in stores of schema 1."""

    spans: tuple[_Span, ...] = ()
    first_seq: int = 0
    last_seq: int = 0
    last_hash: str = ""


_entries = msgspec.json.Decoder(_Entry)
_receipts = msgspec.json.Decoder(_Receipt)


class Purge:
    """Purges one store file. Only for who keeps the journal."""

    def __init__(self, connection: Connection, identity: Identity) -> None:
        self._connection = connection
        self._identity = identity

    def step(self, terms: Terms, today: date, signer: Signer, now: datetime) -> int:
        """Drop some of the oldest entries if they may go; returns how many went.

        ``today`` is the business day by a clock that is to be believed. One transaction: a signed
        checkpoint of the last one that goes, the mark, the rows.

        Raises a StoreError; nothing is gone then.
        """
        connection = self._connection
        # What is dropped is overwritten: it must not wait in free pages for whoever has the key.
        connection.row("PRAGMA secure_delete = ON")
        with connection.transaction():
            at = self._standings()
            lines = self._lines(at.base_seq)
            last = last_purgeable(lines, self._spans(at.base_seq), at, terms, today)
            if last <= at.base_seq:
                return 0
            self._drop(next(line for line in lines if line.seq == last), signer, now)
        return last - at.base_seq

    def _drop(self, last: Line, signer: Signer, now: datetime) -> None:
        connection = self._connection
        base = Head(last.seq, last.hash)
        Checkpoints(connection, self._identity).add(base, signer, now)
        at = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        connection.execute("INSERT INTO purge (seq, made_at) VALUES (?, ?)", (base.seq, at))
        connection.execute(
            "INSERT INTO anchor (seq, hash, reason) VALUES (?, ?, 'purged') "
            "ON CONFLICT (seq) DO UPDATE SET hash = excluded.hash, reason = excluded.reason",
            (base.seq, base.hash),
        )
        for statement in (
            "DELETE FROM event WHERE seq <= ?",
            "DELETE FROM slot_sale WHERE seq <= ?",
            "DELETE FROM exception WHERE seq <= ?",
            # The receipt that ends at the base stays: it proves what the rest continues.
            "DELETE FROM receipt WHERE last_seq < ?",
            "DELETE FROM checkpoint WHERE seq < ?",
            "DELETE FROM anchor WHERE seq < ? AND reason = 'purged'",
        ):
            connection.execute(statement, (base.seq,))

    def _standings(self) -> Standings:
        journal, outbox = Journal(self._connection), Outbox(self._connection, self._identity)
        base, acked = journal.base().seq, outbox.acked_seq()
        return Standings(
            base_seq=base,
            head_seq=journal.head().seq,
            acked_seq=acked,
            open_seqs=[each.seq for each in Exceptions(self._connection).open()],
            lost=outbox.lost(base, acked),
        )

    def _lines(self, base_seq: int) -> list[Line]:
        found = self._connection.rows(
            "SELECT seq, hash, lane, kind, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
            (base_seq, WINDOW_ENTRIES),
        )
        return [Line(seq, hash_, lane, kind, _day(body)) for seq, hash_, lane, kind, body in found]

    def _spans(self, base_seq: int) -> list[SpanEnd]:
        found = self._connection.rows(
            "SELECT body FROM receipt WHERE last_seq > ? ORDER BY last_seq LIMIT ?",
            (base_seq, WINDOW_ENTRIES),
        )
        spans: list[SpanEnd] = []
        for (body,) in found:
            receipt = _receipts.decode(body)
            told = receipt.spans or (_Span(receipt.first_seq, receipt.last_seq, receipt.last_hash),)
            spans += [SpanEnd(one.first_seq, one.last_seq, one.last_hash) for one in told]
        return spans

    def give_room_back(self) -> bool:
        """Shrink the file when most of it is free; returns whether it did.

        Takes about half a second for 30 MB that stay, in which nothing else is written: for a
        moment when nobody waits. New entries fill free pages first, so a file of which more stays
        does not grow either.
        """
        connection = self._connection
        pages, free = self._number("page_count"), self._number("freelist_count")
        kept_bytes = (pages - free) * driver.PAGE_BYTES
        if free * driver.PAGE_BYTES < SMALLEST_WASTE_BYTES or free < pages / 2:
            return False
        if kept_bytes > MOST_KEPT_BYTES:
            return False
        disk = os.statvfs(connection.path.parent)
        if disk.f_bavail * disk.f_frsize < 3 * kept_bytes:
            return False
        try:
            connection.execute("VACUUM")
            connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        except StoreBusy:
            return False
        return True

    def _number(self, pragma: str) -> int:
        row = self._connection.row(f"PRAGMA {pragma}")
        return int(row[0]) if row else 0


def _day(body: bytes) -> str:
    try:
        return _entries.decode(body).business_date
    except (msgspec.MsgspecError, ValueError):
        return ""
