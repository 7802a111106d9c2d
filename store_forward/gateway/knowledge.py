"""What the database knows about the things that the entries of a batch speak of.

It is looked up for the whole batch at once and kept up with what the batch itself changes: a batch
of a kiosk that was offline for a day has hundreds of entries, and each question by itself would be
a way to the database and back. Nobody else changes the answers meanwhile: the kiosk's row is
locked, and so are the slots.

The statements are made once: to build and hash one anew costs several times its execution.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, func, select

from store_forward.contract.canonical import chain_hash
from store_forward.contract.facts import CaseOpened, Entry, NoteCredited, RegistrationConfirmed
from store_forward.contract.wire import Outcome
from store_forward.gateway import ledger
from store_forward.gateway.allotments import Slot, SlotState
from store_forward.gateway.journals import ENDED, HELD
from store_forward.gateway.reading import order_of
from store_forward.gateway.rules import (
    Decision,
    DoubtOrder,
    EndJournal,
    FreeSlot,
    Known,
    NoteLost,
    OpenCase,
    Order,
    Recorded,
    RegisterPatient,
    RememberNote,
    SellSlot,
    SettleOrder,
)
from store_forward.gateway.slots import find_slots
from store_forward.gateway.tables import inbox, note, open_case, posting, registration, withheld

MOST_WANTED = 1_000
"""Values in one question: SQLite takes 32,766 and PostgreSQL 65,535, and an entry may name any
number of parents."""

_OF_DEVICE: BindParameter[str] = bindparam("of_device")
_WANTED: BindParameter[Sequence[str]] = bindparam("wanted", expanding=True)

_EARLIER = (
    select(inbox.c.entry_id, inbox.c.body_hash, inbox.c.outcome, inbox.c.code, inbox.c.his_ref)
    .where(inbox.c.device == _OF_DEVICE, inbox.c.entry_id.in_(_WANTED))
    .order_by(inbox.c.received_at, inbox.c.seq)
)
_WITHHELD = select(withheld).where(
    withheld.c.device == _OF_DEVICE,
    withheld.c.entry_id.in_(_WANTED),
    withheld.c.state.in_((*ENDED, *HELD)),
)
_ORDERS = select(registration).where(
    registration.c.device == _OF_DEVICE, registration.c.order_id.in_(_WANTED)
)
_BALANCES = (
    select(posting.c.account, func.sum(posting.c.amount_fen).label("total"))
    .where(posting.c.device == _OF_DEVICE, posting.c.account.in_(_WANTED))
    .group_by(posting.c.account)
)
_NOTES = select(note.c.note_id).where(note.c.device == _OF_DEVICE, note.c.note_id.in_(_WANTED))
_CASES = select(open_case.c.case_id).where(
    open_case.c.device == _OF_DEVICE, open_case.c.case_id.in_(_WANTED)
)


_VERDICTS = {"settled": Outcome.ACCEPTED, "withdrawn": Outcome.REJECTED}
"""What an entry counts as that a person has ended. One that is booked anywhere is booked."""


@dataclass(frozen=True)
class Told:
    """An entry as it is recorded: the hash of its bytes, and what became of it."""

    body_hash: str
    outcome: Outcome
    code: str | None
    his_ref: str | None


@dataclass(frozen=True)
class Withheld:
    """An entry that a kiosk told it holds parked, in whichever of its journals."""

    incarnation: str
    seq: int
    hash: str
    previous_hash: str
    state: str

    def is_of(self, body: bytes) -> bool:
        """Whether these are its bytes: its place in the chain was told, and proves them."""
        return chain_hash(bytes.fromhex(self.previous_hash), self.seq, body).hex() == self.hash


@dataclass
class Knowledge:
    """Answers for the rules, as they are when the next entry of the batch comes to be booked.

    ``entries``, ``orders`` and ``slots`` are by id; so is ``withheld``, entries that did not arrive
    where they were told of. ``balances`` are the ledger's, by account.
    """

    device: str
    entries: dict[str, Told] = field(default_factory=dict)
    withheld: Mapping[str, Sequence[Withheld]] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)
    cases: set[str] = field(default_factory=set)
    slots: dict[str, Slot] = field(default_factory=dict)

    def about(self, entry: Entry, body: bytes, body_hash: str) -> Known:
        """Everything the rules may ask about this entry."""
        fact, order_id = entry.fact, order_of(entry.fact)
        told = self.entries.get(entry.id)
        earlier = self._ended(entry.id, body)
        if told is not None:
            is_same = told.body_hash == body_hash
            earlier = Recorded(is_same, told.outcome, told.code, told.his_ref)
        slot_id = fact.slot_id if isinstance(fact, RegistrationConfirmed) else ""
        suspense = ledger.suspense(order_id, self.device)
        return Known(
            device=self.device,
            parents={parent: self._outcome(parent) for parent in entry.depends_on},
            earlier=earlier,
            order=self.orders.get(order_id) if order_id is not None else None,
            slot=self.slots.get(slot_id),
            suspense_fen=-self.balances.get(suspense, 0) if order_id is not None else 0,
            note_credited=isinstance(fact, NoteCredited) and fact.note_id in self.notes,
            case_known=isinstance(fact, CaseOpened) and fact.case_id in self.cases,
        )

    def learn_entry(self, entry_id: str, told: Told) -> None:
        """An entry was recorded. Of several with one id the first counts."""
        self.entries.setdefault(entry_id, told)

    def learn_effects(
        self, decision: Decision, registered: Order | None, freed: Iterable[Slot]
    ) -> None:
        """The decision about an entry was carried out; these are the rows it made or changed."""
        for effect in decision.effects:
            match effect:
                case SellSlot(slot_id, order_id):
                    sold = replace(self.slots[slot_id], state=SlotState.SOLD, order_id=order_id)
                    self.slots[slot_id] = sold
                case SettleOrder(order_id, state):
                    self.orders[order_id] = replace(self.orders[order_id], state=state)
                case RememberNote(note_id):
                    self.notes.add(note_id)
                case OpenCase(case_id):
                    self.cases.add(case_id)
                case RegisterPatient() | FreeSlot() | DoubtOrder() | EndJournal() | NoteLost():
                    pass  # told beside the decision, or nothing the rules ask about
                case _:
                    assert_never(effect)
        if registered is not None:
            self.orders[registered.order_id] = registered
        for slot in freed:
            self.slots[slot.slot_id] = slot
        for line in decision.postings:
            self.balances[line.account] = self.balances.get(line.account, 0) + line.amount_fen

    def held(self, entry_id: str, body: bytes) -> list[Withheld]:
        """Where this very entry is still held, as far as is known here."""
        told = self.withheld.get(entry_id, ())
        return [each for each in told if each.state in HELD and each.is_of(body)]

    def _outcome(self, entry_id: str) -> Outcome | None:
        """What became of a parent; what a person has ended without it counts like an outcome."""
        told = self.entries.get(entry_id)
        if told is not None:
            return told.outcome
        states = {each.state for each in self.withheld.get(entry_id, ())}
        return next((outcome for state, outcome in _VERDICTS.items() if state in states), None)

    def _ended(self, entry_id: str, body: bytes) -> Recorded | None:
        """What a person decided about the entry while another journal of the kiosk held it.

        The one that took its place sends the entry once more, under another number: staff may
        have booked by hand what it tells.
        """
        told = [each for each in self.withheld.get(entry_id, ()) if each.state in _VERDICTS]
        for state, outcome in _VERDICTS.items():
            if any(each.state == state and each.is_of(body) for each in told):
                return Recorded(True, outcome, state, None)
        return Recorded(False, Outcome.ACCEPTED, None, None) if told else None


def look_up(connection: Connection, device: str, entries: Sequence[Entry]) -> Knowledge:
    """Look up what the rules may ask about these entries. Nobody else changes it until commit."""
    facts = [entry.fact for entry in entries]
    parents = {parent for entry in entries for parent in entry.depends_on}
    ids = parents | {entry.id for entry in entries}
    order_ids = {order_id for fact in facts if (order_id := order_of(fact)) is not None}
    accounts = {ledger.suspense(order_id, device) for order_id in order_ids}

    def rows(query: Select[Any], wanted: Collection[str]) -> Iterator[Row[Any]]:
        values = sorted(wanted)
        for first in range(0, len(values), MOST_WANTED):
            some = values[first : first + MOST_WANTED]
            yield from connection.execute(query, {"of_device": device, "wanted": some})

    known = Knowledge(device)
    for row in rows(_EARLIER, ids):
        told = Told(row.body_hash, Outcome(row.outcome), row.code, row.his_ref)
        known.learn_entry(row.entry_id, told)
    found: defaultdict[str, list[Withheld]] = defaultdict(list)
    for row in rows(_WITHHELD, ids):
        place = row.incarnation, row.seq, row.hash, row.previous_hash
        found[row.entry_id].append(Withheld(*place, row.state))
    known.withheld = found
    known.orders = {row.order_id: _order(row) for row in rows(_ORDERS, order_ids)}
    known.balances = {row.account: int(row.total) for row in rows(_BALANCES, accounts)}
    notes = {fact.note_id for fact in facts if isinstance(fact, NoteCredited)}
    known.notes = {row.note_id for row in rows(_NOTES, notes)}
    cases = {fact.case_id for fact in facts if isinstance(fact, CaseOpened)}
    known.cases = {row.case_id for row in rows(_CASES, cases)}
    slots = sorted({fact.slot_id for fact in facts if isinstance(fact, RegistrationConfirmed)})
    for first in range(0, len(slots), MOST_WANTED):
        known.slots |= find_slots(connection, slots[first : first + MOST_WANTED])
    return known


def _order(row: Row[Any]) -> Order:
    return Order(row.order_id, row.state, row.his_ref, row.patient_number, row.slot_id, row.fee_fen)
