"""Receives batches: every entry recorded once, with its effect, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, insert, select, update

from store_forward.contract.facts import Entry
from store_forward.contract.signing import sign_receipt
from store_forward.contract.wire import Batch, BatchAnswer, Item, Outcome, Receipt, Result
from store_forward.gateway.allotments import LeaseTerms
from store_forward.gateway.database import Database
from store_forward.gateway.effects import Place, apply_effects, post
from store_forward.gateway.knowledge import gather
from store_forward.gateway.problems import Refused
from store_forward.gateway.reading import Unreadable, kind_of, order_of, read_entry
from store_forward.gateway.reference import refresh_schedules
from store_forward.gateway.rules import Decision, decide, repeat
from store_forward.gateway.statements import add_if_absent
from store_forward.gateway.streams import Mark, check_chain, count_recorded
from store_forward.gateway.tables import alarm, batch, device, inbox, stream
from store_forward.gateway.times import to_text

_BEGIN_STREAM = add_if_absent(stream)
_ADD_TO_INBOX = insert(inbox)
"""Made once, see knowledge.py."""


class BatchDesk:
    """Takes batches in and gives countersigned receipts.

    ``key_id`` names the receipt key; ``new_id`` gives UUIDv7 strings.
    """

    def __init__(
        self,
        database: Database,
        key: Ed25519PrivateKey,
        key_id: str,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        terms: LeaseTerms,
    ) -> None:
        self._database = database
        self._key = key
        self._key_id = key_id
        self._now = now
        self._new_id = new_id
        self._terms = terms

    def receive(self, arrived: Batch) -> BatchAnswer:
        """Record the batch and return a result per item.

        Raises Refused when the batch does not continue the recorded journal; then nothing was
        applied, and a contradiction is recorded as an alarm.
        """
        check_chain(arrived)
        try:
            return self._database.transact(lambda connection: self._record(connection, arrived))
        except Refused as refused:
            if refused.alarm:
                self._raise_alarm(arrived.device, refused)
            raise

    def _record(self, connection: Connection, arrived: Batch) -> BatchAnswer:
        now = self._now()
        _check_incarnation(connection, arrived)
        mark = _mark(connection, arrived)
        if mark.high_water == 0:
            self._note_new_incarnation(connection, arrived, now)
        count = count_recorded(arrived, mark, _recorded_hashes(connection, arrived, mark))
        results = _recorded_results(connection, arrived, arrived.items[:count])
        batch_id = self._new_id()
        schedules: set[str] = set()
        for item in arrived.items[count:]:
            place = Place(arrived.device, arrived.incarnation, item.seq, now)
            result, touched = self._take(connection, place, item, batch_id)
            results.append(result)
            schedules |= touched
        last = arrived.items[-1]
        if last.seq > mark.high_water:
            mark = Mark(last.seq, last.hash)
            _advance(connection, arrived, mark)
        refresh_schedules(connection, schedules, now)
        receipt = self._receipt(connection, arrived, batch_id, mark, now)
        return BatchAnswer(tuple(results), receipt)

    def _take(
        self, connection: Connection, place: Place, item: Item, batch_id: str
    ) -> tuple[Result, frozenset[str]]:
        """Record one new entry with its effect."""
        body = bytes(item.entry)
        body_hash = hashlib.sha256(body).hexdigest()
        entry = read_entry(body)
        match entry:
            case Unreadable(entry_id, kind, code):
                decision = Decision(Outcome.REJECTED, code)
                order_id, his_ref, schedules = None, None, frozenset[str]()
            case Entry():
                entry_id, kind, order_id = entry.id, kind_of(entry.fact), order_of(entry.fact)
                decision = decide(entry, gather(connection, place.device, entry, body_hash))
                applied = apply_effects(connection, place, entry, decision.effects, self._terms)
                post(connection, place, decision.postings)
                his_ref, schedules = applied.his_ref or decision.his_ref, applied.schedules
        connection.execute(
            _ADD_TO_INBOX,
            {
                "device": place.device,
                "incarnation": place.incarnation,
                "seq": item.seq,
                "hash": item.hash,
                "body": body,
                "body_hash": body_hash,
                "entry_id": entry_id,
                "kind": kind,
                "order_id": order_id,
                "outcome": decision.outcome,
                "code": decision.code,
                "his_ref": his_ref,
                "batch_id": batch_id,
                "received_at": to_text(place.now),
            },
        )
        result = Result(item.seq, entry_id, decision.outcome, his_ref, decision.code)
        return result, schedules

    def _receipt(
        self, connection: Connection, arrived: Batch, batch_id: str, mark: Mark, now: datetime
    ) -> Receipt:
        """Return the receipt given for this very range before, or a new one."""
        first, last = arrived.items[0], arrived.items[-1]
        given = connection.execute(
            select(batch.c.receipt).where(
                batch.c.device == arrived.device,
                batch.c.incarnation == arrived.incarnation,
                batch.c.first_seq == first.seq,
                batch.c.last_seq == last.seq,
            )
        ).scalar()
        if given is not None:
            return msgspec.json.decode(given, type=Receipt)
        receipt = sign_receipt(
            Receipt(
                batch_id=batch_id,
                device=arrived.device,
                incarnation=arrived.incarnation,
                first_seq=first.seq,
                last_seq=last.seq,
                last_hash=last.hash,
                ack_seq=mark.high_water,
                received_at=to_text(now),
                key_id=self._key_id,
                signature="",
            ),
            self._key,
        )
        connection.execute(
            insert(batch).values(
                device=arrived.device,
                incarnation=arrived.incarnation,
                first_seq=first.seq,
                last_seq=last.seq,
                batch_id=batch_id,
                received_at=to_text(now),
                receipt=msgspec.json.encode(receipt),
            )
        )
        return receipt

    def _note_new_incarnation(self, connection: Connection, arrived: Batch, now: datetime) -> None:
        """A second life of a kiosk's store is legitimate only after a repair: tell a person."""
        query = select(stream.c.incarnation).where(
            stream.c.device == arrived.device, stream.c.incarnation != arrived.incarnation
        )
        before = connection.execute(query).first()
        if before is not None and arrived.items[0].seq == 1:
            detail = f"journal {arrived.incarnation} begins; {before.incarnation} was known before"
            self._write_alarm(connection, arrived.device, "new_incarnation", detail, now)

    def _raise_alarm(self, device_id: str, refused: Refused) -> None:
        code, detail = refused.problem.code, refused.problem.detail
        self._database.transact(
            lambda connection: self._write_alarm(connection, device_id, code, detail, self._now())
        )

    def _write_alarm(
        self, connection: Connection, device_id: str, code: str, detail: str, now: datetime
    ) -> None:
        connection.execute(
            insert(alarm).values(
                device=device_id,
                alarm_id=self._new_id(),
                code=code,
                detail=detail,
                raised_at=to_text(now),
            )
        )


def _check_incarnation(connection: Connection, arrived: Batch) -> None:
    """With the device's row locked, batches of one kiosk come one after another, also those of
    its old disk beside those of its new one: their orders and notes are keyed alike."""
    pinned = connection.execute(
        select(device.c.incarnation).where(device.c.device == arrived.device).with_for_update()
    ).scalar()
    if pinned is not None and pinned != arrived.incarnation:
        detail = f"$.incarnation is not {pinned}, the one {arrived.device} was enrolled with"
        raise Refused(409, "other_incarnation", detail, alarm=True)


def _mark(connection: Connection, arrived: Batch) -> Mark:
    """The mark, locked until commit: the same batch, sent twice at once, waits here.

    A row that is not there cannot be locked, so the first batch of a journal makes it before.
    FOR UPDATE has no meaning on SQLite, where BEGIN IMMEDIATE holds the whole database.
    """
    start = Mark()
    connection.execute(
        _BEGIN_STREAM,
        {
            "device": arrived.device,
            "incarnation": arrived.incarnation,
            "high_water": start.high_water,
            "head_hash": start.head_hash,
        },
    )
    row = connection.execute(
        select(stream.c.high_water, stream.c.head_hash)
        .where(stream.c.device == arrived.device, stream.c.incarnation == arrived.incarnation)
        .with_for_update()
    ).one()
    return Mark(row.high_water, row.head_hash)


def _advance(connection: Connection, arrived: Batch, mark: Mark) -> None:
    connection.execute(
        update(stream)
        .where(stream.c.device == arrived.device, stream.c.incarnation == arrived.incarnation)
        .values(high_water=mark.high_water, head_hash=mark.head_hash)
    )


def _recorded_hashes(connection: Connection, arrived: Batch, mark: Mark) -> dict[int, str]:
    rows = connection.execute(
        select(inbox.c.seq, inbox.c.hash).where(
            inbox.c.device == arrived.device,
            inbox.c.incarnation == arrived.incarnation,
            inbox.c.seq.between(arrived.items[0].seq, mark.high_water),
        )
    ).all()
    return {row.seq: row.hash for row in rows}


def _recorded_results(
    connection: Connection, arrived: Batch, items: tuple[Item, ...]
) -> list[Result]:
    if not items:
        return []
    rows = connection.execute(
        select(inbox.c.seq, inbox.c.entry_id, inbox.c.outcome, inbox.c.his_ref, inbox.c.code)
        .where(
            inbox.c.device == arrived.device,
            inbox.c.incarnation == arrived.incarnation,
            inbox.c.seq.between(items[0].seq, items[-1].seq),
        )
        .order_by(inbox.c.seq)
    ).all()
    results = []
    for row in rows:
        said = repeat(Outcome(row.outcome), row.code, row.his_ref)
        results.append(Result(row.seq, row.entry_id, said.outcome, said.his_ref, said.code))
    return results
