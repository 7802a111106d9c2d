"""Receives batches: every entry recorded once, with its effect, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Row, insert, select

from store_forward.contract.facts import Entry
from store_forward.contract.spans import spans_of
from store_forward.contract.wire import Batch, BatchAnswer, Item, Outcome, Receipt, Result, Span
from store_forward.gateway.allotments import LeaseTerms
from store_forward.gateway.cases import Place, end_delivered, open_case_of_outcome
from store_forward.gateway.database import Database
from store_forward.gateway.effects import apply_effects, post
from store_forward.gateway.journals import (
    ENDED,
    JournalId,
    advance,
    lock_journal,
    read_links,
    write_alarm,
)
from store_forward.gateway.knowledge import gather
from store_forward.gateway.problems import Refused
from store_forward.gateway.reading import Unreadable, kind_of, order_of, read_entry
from store_forward.gateway.reference import refresh_schedules
from store_forward.gateway.rules import Decision, decide, decide_ended, repeat
from store_forward.gateway.signatory import Signatory
from store_forward.gateway.streams import ChainLink, Mark, check_fence, check_items, check_links
from store_forward.gateway.tables import batch, inbox, stream
from store_forward.gateway.times import to_text

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
        self._signatory = Signatory(key, key_id)
        self._now = now
        self._new_id = new_id
        self._terms = terms

    def receive(self, arrived: Batch) -> BatchAnswer:
        """Record the batch and return a result per item.

        Raises Refused when the batch does not fit the journal known here; then nothing was
        applied, and a contradiction is recorded as an alarm.
        """
        links = check_items(arrived)
        try:
            return self._database.transact(
                lambda connection: self._record(connection, arrived, links)
            )
        except Refused as refused:
            if refused.alarm:
                self._raise_alarm(arrived.device, refused)
            raise

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
        batch_id = self._new_id()
        results: list[Result] = []
        schedules: set[str] = set()
        for item in arrived.items:
            recorded = here.recorded.get(item.seq)
            if recorded is not None:
                results.append(_told_again(recorded))
                continue
            place = Place(arrived.device, arrived.incarnation, item.seq, now)
            told = here.withheld.get(item.seq)
            result, touched = self._take(connection, place, item, links[item.seq], batch_id, told)
            results.append(result)
            schedules |= touched
        mark = state.mark
        if mark.high_water + 1 in links:
            mark = advance(connection, journal, mark)
        refresh_schedules(connection, schedules, now)
        receipt = self._receipt(connection, arrived, batch_id, mark, now)
        return BatchAnswer(tuple(results), receipt)

    def _take(
        self,
        connection: Connection,
        place: Place,
        item: Item,
        link: ChainLink,
        batch_id: str,
        told: str | None,
    ) -> tuple[Result, frozenset[str]]:
        """Record one new entry with its effect. ``told``: the kiosk had parked it."""
        body = bytes(item.entry)
        body_hash = hashlib.sha256(body).hexdigest()
        entry = read_entry(body)
        his_ref, schedules = None, frozenset[str]()
        match entry:
            case Unreadable(entry_id, kind, code):
                order_id, decision = None, Decision(Outcome.REJECTED, code)
            case Entry():
                entry_id, kind, order_id = entry.id, kind_of(entry.fact), order_of(entry.fact)
                if told in ENDED:
                    decision = decide_ended(told)
                else:
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
                "previous_hash": link.previous,
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
        if told is not None:
            end_delivered(connection, place)
        if told not in ENDED:
            open_case_of_outcome(connection, place, entry, decision)
        result = Result(item.seq, entry_id, decision.outcome, his_ref, decision.code)
        return result, schedules

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

    def _raise_alarm(self, device_id: str, refused: Refused) -> None:
        alarm_id, code, detail = self._new_id(), refused.problem.code, refused.problem.detail
        self._database.transact(
            lambda connection: write_alarm(
                connection, alarm_id, device_id, code, detail, self._now()
            )
        )


def _said_hash(spans: tuple[Span, ...], ack_seq: int) -> str:
    return hashlib.sha256(msgspec.json.encode((spans, ack_seq))).hexdigest()


def _told_again(row: Row[Any]) -> Result:
    said = repeat(Outcome(row.outcome), row.code, row.his_ref)
    return Result(row.seq, row.entry_id, said.outcome, said.his_ref, said.code)
