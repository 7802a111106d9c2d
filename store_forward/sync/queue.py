"""What waits in the store, kept in memory as far as the next batches need it."""

from __future__ import annotations

from store_forward.store.sending.exceptions import DECIDED_BEFORE, Standout
from store_forward.store.store import Store
from store_forward.sync.lanes import WINDOW, WaitingRoom
from store_forward.sync.steps import Offer, Work


class Queue:
    """Reads each waiting entry once; what the gateway has leaves."""

    def __init__(self, store: Store) -> None:
        self._outbox = store.outbox
        self._matters = store.matters
        self._room = WaitingRoom()
        self._acked_seq = 0
        self._covered = 0
        self._refused_at: dict[int, float] = {}

    def note_refusal(self, seq: int, at: float) -> None:
        """A parked entry was offered, monotonic seconds ``at``, and refused again."""
        self._refused_at[seq] = at

    def look(self, at: float) -> Work:
        """Return what there is to do, as of the monotonic time ``at``."""
        acked, ahead = self._outbox.acked_seq(), self._outbox.ahead()
        covered = acked + sum(each.last - each.first + 1 for each in ahead)
        parked = self._outbox.parked()
        is_parked_anew = self._room.parked_seqs != {each.seq for each in parked}
        if is_parked_anew or acked < self._acked_seq or covered < self._covered:
            self._room = WaitingRoom([each.seq for each in parked])
        else:
            self._room.leave(acked, ahead)
        self._acked_seq, self._covered = acked, covered
        while len(self._room) < WINDOW:
            found = self._outbox.waiting(self._room.seen_to, WINDOW)
            if not found:
                break
            self._room.admit(found)
        return Work(
            waiting=self._room.open(),
            offers=self._offers(parked, at),
            unreported=sum(not each.reported for each in parked),
            undecided=self._matters.count_open(),
        )

    def _offers(self, parked: list[Standout], at: float) -> tuple[Offer, ...]:
        attempts = {each.seq: each.attempts for each in parked if each.code != DECIDED_BEFORE}
        since = {seq: self._refused_at.get(seq, at) for seq in attempts}
        self._refused_at = since
        return tuple(
            Offer(each, attempts[each.seq], since[each.seq])
            for each in self._room.offerable()
            if each.seq in attempts
        )
