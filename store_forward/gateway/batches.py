"""Receives batches: every entry recorded once, with its effect, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Row, insert, select

from store_forward.contract.spans import spans_of
from store_forward.contract.wire import Batch, BatchAnswer, Outcome, Receipt, Result, Span
from store_forward.gateway.allotments import LeaseTerms
from store_forward.gateway.booking import Arrival, Booking
from store_forward.gateway.database import Database
from store_forward.gateway.desk import Desk
from store_forward.gateway.journals import (
    JournalId,
    advance,
    lock_journal,
    read_links,
    read_lost,
    write_alarm,
)
from store_forward.gateway.reference import refresh_schedules
from store_forward.gateway.rules import ENTRIES_LOST, repeat
from store_forward.gateway.streams import ChainLink, Mark, check_fence, check_items, check_links
from store_forward.gateway.tables import batch, stream
from store_forward.gateway.times import to_text


class BatchDesk(Desk):
    """Takes batches in and gives countersigned receipts."""

    def __init__(
        self,
        database: Database,
        key: Ed25519PrivateKey,
        key_id: str,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        terms: LeaseTerms,
    ) -> None:
        super().__init__(database, key, key_id, now, new_id)
        self._terms = terms

    def receive(self, arrived: Batch) -> BatchAnswer:
        """Record the batch and return a result per item.

        Raises Refused when the batch does not fit the journal known here; then nothing was
        applied, and a contradiction is recorded as an alarm.
        """
        links = check_items(arrived)
        return self._transact_for(
            arrived.device, lambda connection: self._record(connection, arrived, links)
        )

    def _record(
        self, connection: Connection, arrived: Batch, links: Mapping[int, ChainLink]
    ) -> BatchAnswer:
        now = self._now()
        journal = JournalId(arrived.device, arrived.incarnation)
        state = lock_journal(connection, journal)
        if state.is_new:
            self._note_new_incarnation(connection, journal, now)
        here = read_links(connection, journal, links.keys())
        check_links(links, here.known)
        check_fence((seq for seq in links if seq not in here.recorded), state.fenced_seq)
        mark = state.mark
        lost = read_lost(connection, journal, min(mark.high_water, min(links) - 1))
        arrival = Arrival(journal, self._new_id(), now, links, here.withheld, lost)
        booking = Booking(connection, arrival, self._terms)
        booked = booking.book([item for item in arrived.items if item.seq not in here.recorded])
        told = {seq: _told_again(here.recorded[seq]) for seq in links if seq in here.recorded}
        results = tuple((booked | told)[seq] for seq in links)
        has_lost = bool(lost) or any(each.code == ENTRIES_LOST for each in results)
        if mark.high_water + 1 in links or has_lost:
            mark = advance(connection, journal, mark)
        refresh_schedules(connection, booking.schedules, now)
        receipt = self._receipt(connection, arrived, arrival.batch_id, mark, now)
        return BatchAnswer(results, receipt)

    def _receipt(
        self, connection: Connection, arrived: Batch, batch_id: str, mark: Mark, now: datetime
    ) -> Receipt:
        """Return the receipt given for these very entries before, if it still says all, or a new
        one."""
        spans = spans_of((item.seq, item.hash) for item in arrived.items)
        said_hash = _said_hash(spans, mark.high_water)
        given = connection.execute(
            select(batch.c.receipt).where(
                batch.c.device == arrived.device,
                batch.c.incarnation == arrived.incarnation,
                batch.c.said_hash == said_hash,
            )
        ).scalar()
        if given is not None:
            return msgspec.json.decode(given, type=Receipt)
        receipt = self._signatory.sign(
            Receipt(
                batch_id=batch_id,
                device=arrived.device,
                incarnation=arrived.incarnation,
                spans=spans,
                ack_seq=mark.high_water,
                received_at=to_text(now),
                key_id="",
                signature="",
            )
        )
        connection.execute(
            insert(batch).values(
                device=arrived.device,
                incarnation=arrived.incarnation,
                said_hash=said_hash,
                first_seq=arrived.items[0].seq,
                last_seq=arrived.items[-1].seq,
                batch_id=batch_id,
                received_at=to_text(now),
                receipt=msgspec.json.encode(receipt),
            )
        )
        return receipt

    def _note_new_incarnation(
        self, connection: Connection, journal: JournalId, now: datetime
    ) -> None:
        """A second life of a kiosk's store is legitimate only after a repair: tell a person."""
        query = select(stream.c.incarnation).where(
            stream.c.device == journal.device, stream.c.incarnation != journal.incarnation
        )
        before = connection.execute(query).first()
        if before is not None:
            detail = f"journal {journal.incarnation} begins; {before.incarnation} was known before"
            write_alarm(connection, self._new_id(), journal.device, "new_incarnation", detail, now)


def _said_hash(spans: tuple[Span, ...], ack_seq: int) -> str:
    return hashlib.sha256(msgspec.json.encode((spans, ack_seq))).hexdigest()


def _told_again(row: Row[Any]) -> Result:
    said = repeat(Outcome(row.outcome), row.code, row.his_ref)
    return Result(row.seq, row.entry_id, said.outcome, said.his_ref, said.code)
