"""What core does with the journal while nobody waits for it: signed checkpoints, purging."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import structlog

from firmware.core.clocks import Clock
from store_forward.contract.facts import ClockTrust
from store_forward.store.archive.anchors import Signer, is_due
from store_forward.store.archive.purge import Terms
from store_forward.store.errors import DamagedStore, StoreError
from store_forward.store.store import Store

log = structlog.get_logger(__name__)

QUIET_SECONDS = 30.0
"""Nobody has stood at the screen for so long: then something may take a moment."""

BETWEEN_STEPS_SECONDS = 2.0
"""Between two steps of a purge, some tens of milliseconds each."""

BETWEEN_PURGES_SECONDS = 3600.0

AFTER_TROUBLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Present:
    """The moment: whether the screen rests, the business day, how far the clock is believed."""

    at_rest: bool
    today: date
    clock: ClockTrust


class Upkeep:
    """Looks after one store. ``terms`` are those of the deployment file."""

    def __init__(self, store: Store, signer: Signer, terms: Terms, clock: Clock) -> None:
        self._store = store
        self._signer = signer
        self._terms = terms
        self._clock = clock
        self._checked_to: int | None = None
        self._rests_since: float | None = None
        self._next_purge = 0.0
        self._next_try = 0.0

    def look(self, present: Present) -> None:
        """Do what is due, a little at a time. Trouble with the store is logged and waits."""
        now = self._clock.monotonic()
        if not present.at_rest:
            self._rests_since = None
        elif self._rests_since is None:
            self._rests_since = now
        if now < self._next_try:
            return
        try:
            self._check(present.at_rest)
            if self._is_quiet(now) and present.clock is ClockTrust.SYNCHRONISED:
                self._purge(present.today, now)
        except (StoreError, OSError) as error:
            self._next_try = now + AFTER_TROUBLE_SECONDS
            log.warning("journal not looked after", why=str(error))
            if isinstance(error, DamagedStore):
                self._store.note_damage()

    def _check(self, at_rest: bool) -> None:
        head = self._store.journal.head()
        if self._checked_to is None or self._checked_to > head.seq:  # of a journal before this one
            self._checked_to = self._store.checkpoints.newest_seq()
        if is_due(head.seq, self._checked_to, at_rest=at_rest):
            self._store.checkpoints.make(head, self._signer, self._clock.wall())
            self._checked_to = head.seq

    def _is_quiet(self, now: float) -> bool:
        return self._rests_since is not None and now - self._rests_since >= QUIET_SECONDS

    def _purge(self, today: date, now: float) -> None:
        if now < self._next_purge:
            return
        gone = self._store.purge.step(self._terms, today, self._signer, self._clock.wall())
        if gone:
            self._next_purge = now + BETWEEN_STEPS_SECONDS
            log.info("old entries purged", count=gone, base=self._store.journal.base().seq)
            return
        self._next_purge = now + BETWEEN_PURGES_SECONDS
        if self._store.purge.give_room_back():
            log.info("the store's file was made smaller")
