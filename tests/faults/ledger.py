"""What a store was told and what it answered: what must be there afterwards, and what must not."""

from __future__ import annotations

from collections.abc import Sequence

from store_forward.contract.facts import Entry
from store_forward.store import Store
from store_forward.store.errors import StoreBusy, StoreFull, StoreUnavailable
from tests.fakes.fake_devices import FakeDevices


class Ledger:
    """Ids of entries, in order, by what the store said about them; what the devices hold; what an
    audit said, and whether it could read all of it."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.refused: list[str] = []
        self.unknown: list[str] = []
        self.verdicts: list[bool] = []
        self.is_unread = False
        self.devices = FakeDevices()

    def append(self, store: Store, entries: Sequence[Entry]) -> bool:
        """Append; any answer but the documented ones is an error of the test."""
        ids = [entry.id for entry in entries]
        try:
            store.journal.append(entries)
        except (StoreFull, StoreBusy):
            self.refused += ids
        except StoreUnavailable:
            self.unknown += ids
        else:
            self.kept += ids
            return True
        return False

    def complaints(self, found: Sequence[str]) -> list[str]:
        """What does not fit to these ids of a journal, in its order."""
        there = set(found)
        said = [f"{each}: acknowledged and lost" for each in self.kept if each not in there]
        said += [f"{each}: refused, and there" for each in self.refused if each in there]
        if len(there) != len(found):
            said.append("an entry is there twice")
        known = {*self.kept, *self.unknown, *self.refused}
        said += [f"{each}: nobody appended it" for each in found if each not in known]
        acknowledged = set(self.kept)
        if [each for each in found if each in acknowledged] != self.kept and not said:
            said.append("the order is another one")
        return said
