"""The journal port over the kiosk's store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import structlog

from firmware.core.ports import JournalRefused, SlotAlreadySold
from store_forward.contract.facts import Entry, RegistrationConfirmed
from store_forward.store.errors import DamagedStore, SlotTaken, StoreBusy, StoreError, StoreFull
from store_forward.store.room import Ballast
from store_forward.store.store import Store

log = structlog.get_logger(__name__)

RECENT_ENTRIES = 20_000
"""How much of the journal's tail is read at a start: more than a day's business of a kiosk, in
about 0.2 s. An open order is always among the newest few hundred entries."""

PAGE_ENTRIES = 1000


class StoreJournal:
    """Appends to the store and reads its tail back.

    On a full disk the ballast gives its room for what has begun to come to its end; nothing new
    begins on it. ``damage`` is set once the database was found damaged: a new start mends it.
    """

    def __init__(self, store: Store, ballast: Ballast) -> None:
        self._store = store
        self._ballast = ballast
        self.damage: DamagedStore | None = None
        self._is_suspect = False

    def append(self, entries: Sequence[Entry]) -> None:
        """See ``Journal.append``."""
        try:
            self._append(entries)
        except SlotTaken as error:
            raise SlotAlreadySold(str(error)) from error
        except StoreError as error:
            self._remember(error)
            raise JournalRefused(str(error)) from error

    def _append(self, entries: Sequence[Entry]) -> None:
        try:
            self._store.journal.append(entries)
        except StoreFull:
            if _begins_anew(entries) or not self._ballast.drop():
                raise
            log.warning("no room, ballast dropped", path=str(self._ballast.path))
            self._store.journal.append(entries)  # nothing of the first attempt was written

    def _remember(self, error: StoreError) -> None:
        if isinstance(error, DamagedStore):
            self.damage = error
            self._store.note_damage()
        elif not isinstance(error, StoreFull | StoreBusy):
            self._is_suspect = True  # these two wrote nothing; any other may have left anything

    def look_anew(self) -> None:
        """After a disk that failed: believe nothing that was open, see ``Store.reopen``.

        Raises:
            JournalRefused: the store is not to be used yet.
        """
        if not self._is_suspect:
            return
        lack = self._ballast.make_way()  # SQLite calls a used-up quota an error of the disk
        if lack is not None:
            log.warning("no room, ballast dropped", why=lack, path=str(self._ballast.path))
        try:
            self._store.reopen()
        except StoreError as error:
            self._remember(error)
            raise JournalRefused(str(error)) from error
        self._is_suspect = False

    def recent(self) -> Iterable[Entry]:
        """See ``Journal.recent``."""
        try:
            yield from self._tail()
        except StoreError as error:
            self._remember(error)
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


def _begins_anew(entries: Sequence[Entry]) -> bool:
    return any(isinstance(entry.fact, RegistrationConfirmed) for entry in entries)
