"""Books the new entries of one batch, each once with its effect, within one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, insert

from store_forward.contract.facts import Entry
from store_forward.contract.spans import Range, holds
from store_forward.contract.wire import Item, Outcome, Result
from store_forward.gateway.allotments import LeaseTerms
from store_forward.gateway.cases import Place, end_delivered, open_case_of_outcome
from store_forward.gateway.effects import apply_effects, post
from store_forward.gateway.journals import ENDED, JournalId
from store_forward.gateway.knowledge import Knowledge, Told, look_up
from store_forward.gateway.reading import Unreadable, kind_of, order_of, read_entry
from store_forward.gateway.rules import Decision, decide, decide_ended, decide_lost
from store_forward.gateway.streams import ChainLink
from store_forward.gateway.tables import inbox
from store_forward.gateway.times import to_text
from store_forward.gateway.writing import Writing

_ADD_TO_INBOX = insert(inbox)
"""Made once, see knowledge.py."""


@dataclass(frozen=True)
class Arrival:
    """What holds for all entries of a batch. ``links`` is their place in the chain, ``withheld``
    the states of those that the kiosk told it holds parked, ``lost`` what it told it has no more.
    """

    journal: JournalId
    batch_id: str
    now: datetime
    links: Mapping[int, ChainLink]
    withheld: Mapping[int, str]
    lost: Sequence[Range]


class Booking:
    """The booking of one batch. The caller has locked the journal."""

    def __init__(self, connection: Connection, arrival: Arrival, terms: LeaseTerms) -> None:
        self._connection = connection
        self._arrival = arrival
        self._terms = terms
        self._known = Knowledge(arrival.journal.device)
        self._writing = Writing(connection)
        self.schedules: set[str] = set()
        """Schedules whose remaining number has changed."""

    def book(self, items: Sequence[Item]) -> dict[int, Result]:
        """Record entries that are not recorded yet, ascending; return the results by seq."""
        read = [read_entry(bytes(item.entry)) for item in items]
        readable = [entry for entry in read if isinstance(entry, Entry)]
        self._known = look_up(self._connection, self._arrival.journal.device, readable)
        results = {
            item.seq: self._take(item, entry) for item, entry in zip(items, read, strict=True)
        }
        self._writing.finish()
        return results

    def _take(self, item: Item, entry: Entry | Unreadable) -> Result:
        """Record one entry with its effect."""
        journal = self._arrival.journal
        place = Place(journal.device, journal.incarnation, item.seq, self._arrival.now)
        told = self._arrival.withheld.get(item.seq)
        body_hash = hashlib.sha256(bytes(item.entry)).hexdigest()
        match entry:
            case Unreadable(entry_id, kind, code):
                order_id, decision, his_ref = None, Decision(Outcome.REJECTED, code), None
            case Entry():
                entry_id, kind, order_id = entry.id, kind_of(entry.fact), order_of(entry.fact)
                decision = self._decide(entry, item, body_hash)
                his_ref = self._carry_out(place, entry, decision) or decision.his_ref
        self._writing.add(
            _ADD_TO_INBOX,
            {
                "device": place.device,
                "incarnation": place.incarnation,
                "seq": item.seq,
                "hash": item.hash,
                "previous_hash": self._arrival.links[item.seq].previous,
                "body": bytes(item.entry),
                "body_hash": body_hash,
                "entry_id": entry_id,
                "kind": kind,
                "order_id": order_id,
                "outcome": decision.outcome,
                "code": decision.code,
                "his_ref": his_ref,
                "batch_id": self._arrival.batch_id,
                "received_at": to_text(place.now),
            },
        )
        self._known.learn_entry(entry_id, Told(body_hash, decision.outcome, decision.code, his_ref))
        if told is not None:
            end_delivered(self._connection, place)
        for each in self._known.held(entry_id, bytes(item.entry)):
            # Another journal of the kiosk held it; booked by hand, it would be booked twice.
            where = replace(place, incarnation=each.incarnation, seq=each.seq)
            end_delivered(self._connection, where)
        if told not in ENDED:
            open_case_of_outcome(self._connection, place, entry, decision)
        return Result(item.seq, entry_id, decision.outcome, his_ref, decision.code)

    def _decide(self, entry: Entry, item: Item, body_hash: str) -> Decision:
        told = self._arrival.withheld.get(item.seq)
        if told in ENDED:
            return decide_ended(told)
        if holds(self._arrival.lost, item.seq):
            return decide_lost()
        return decide(entry, self._known.about(entry, bytes(item.entry), body_hash))

    def _carry_out(self, place: Place, entry: Entry, decision: Decision) -> str | None:
        """Return the HIS reference that was given, if one was."""
        applied = apply_effects(self._writing, place, entry, decision.effects, self._terms)
        post(self._writing, place, decision.postings)
        self._known.learn_effects(decision, applied.registered, applied.freed)
        self.schedules |= applied.schedules
        return applied.registered.his_ref if applied.registered is not None else None
