"""The journal port over the kiosk's store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from firmware.core.ports import JournalRefused, SlotAlreadySold
from store_forward.contract.facts import Entry
from store_forward.store.errors import SlotTaken, StoreError
from store_forward.store.store import Store

RECENT_ENTRIES = 20_000
"""How much of the journal's tail is read at a start: more than a day's business of a kiosk, in
about 0.2 s. An open order is always among the newest few hundred entries."""

PAGE_ENTRIES = 1000


class StoreJournal:
    """Appends to the store and reads its tail back."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, entries: Sequence[Entry]) -> None:
        """See ``Journal.append``."""
        try:
            self._store.journal.append(entries)
        except SlotTaken as error:
            raise SlotAlreadySold(str(error)) from error
        except StoreError as error:
            raise JournalRefused(str(error)) from error

    def recent(self) -> Iterable[Entry]:
        """See ``Journal.recent``."""
        try:
            yield from self._tail()
        except StoreError as error:
            raise JournalRefused(str(error)) from error
        except msgspec.MsgspecError as error:
            raise JournalRefused(
                f"{self._store.path}: an entry cannot be read by this software version; install "
                "the version that wrote it"
            ) from error

    def _tail(self) -> Iterator[Entry]:
        head = self._store.journal.head().seq
        after = max(0, head - RECENT_ENTRIES)
        while rows := self._store.journal.read(after, PAGE_ENTRIES):
            for row in rows:
                yield row.entry()
            after = rows[-1].seq
