"""A journal in memory that forgets nothing, refuses sold slots, and fails when told to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from firmware.core.ports import JournalRefused, SlotAlreadySold
from store_forward.contract.canonical import decode_entry, encode_entry
from store_forward.contract.facts import (
    Entry,
    Fact,
    RegistrationCancelled,
    RegistrationConfirmed,
)


class FakeJournal:
    """Implements ``firmware.core.ports.Journal``. Entries go through their canonical bytes."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.is_broken = False
        self.fails_after_next_append = False
        self._sold: dict[str, str] = {}

    def append(self, entries: Sequence[Entry]) -> None:
        if self.is_broken:
            raise JournalRefused("the disk is full: call staff")
        sold = dict(self._sold)
        for entry in entries:
            match entry.fact:
                case RegistrationConfirmed(slot_id=slot_id, order_id=order_id):
                    if slot_id in sold:
                        raise SlotAlreadySold(slot_id)
                    sold[slot_id] = order_id
                case RegistrationCancelled(order_id=order_id):
                    sold = {slot: order for slot, order in sold.items() if order != order_id}
                case _:
                    pass
        self._sold = sold
        self.bodies.extend(encode_entry(entry) for entry in entries)
        if self.fails_after_next_append:
            self.fails_after_next_append = False
            raise JournalRefused("input/output error: whether the entries survive is not known")

    def recent(self) -> Iterable[Entry]:
        if self.is_broken:
            raise JournalRefused("the disk is not readable: call staff")
        return self.entries

    def sell_elsewhere(self, slot_id: str) -> None:
        """The slot goes to somebody else behind the session's back."""
        self._sold[slot_id] = "another order"

    @property
    def entries(self) -> list[Entry]:
        """Everything recorded, oldest first."""
        return [decode_entry(body) for body in self.bodies]

    @property
    def facts(self) -> list[Fact]:
        """The facts of all entries, oldest first."""
        return [entry.fact for entry in self.entries]

    @property
    def sold_slots(self) -> frozenset[str]:
        """Slots that are sold now."""
        return frozenset(self._sold)
