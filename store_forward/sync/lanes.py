"""Which waiting entries go out next. Pure.

Order is kept per lane (a patient's order, the kiosk itself) and along causes, never globally: what
the gateway does not take holds up its own lane and what depends on it, nothing else. No clock has
a say; sequence numbers alone do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from store_forward.contract.lanes import concerns_money
from store_forward.contract.spans import Range
from store_forward.store.sending.outbox import Waiting

WINDOW: Final = 2_000
"""Sendable entries looked at for one batch: four full batches. Money among them overtakes at most
that many; the choice takes about a millisecond and the window a megabyte of memory."""


def pick(waiting: Sequence[Waiting], most_items: int, most_bytes: int) -> tuple[Waiting, ...]:
    """Choose the next batch from ascending waiting entries; return it ascending.

    Lanes that hold money come first, then the lane whose first entry is oldest. Of a lane only
    its beginning is taken, and no entry without those it depends on. At least one entry is
    chosen, however large: it must not hide behind a limit.
    """
    lanes: dict[str, list[Waiting]] = {}
    for each in waiting:
        lanes.setdefault(each.lane, []).append(each)
    seq_of = {each.id: each.seq for each in waiting}
    chosen: list[Waiting] = []
    chosen_ids: set[str] = set()
    room = most_bytes
    for lane in sorted(lanes.values(), key=_precedence):
        for each in lane:
            if _lacks_parent(each, seq_of, chosen_ids):
                break
            room -= each.size
            if chosen and (room < 0 or len(chosen) >= most_items):
                return _ascending(chosen)
            chosen.append(each)
            chosen_ids.add(each.id)
    return _ascending(chosen)


def _precedence(lane: Sequence[Waiting]) -> tuple[bool, int]:
    return not any(concerns_money(each.kind) for each in lane), lane[0].seq


def _lacks_parent(each: Waiting, seq_of: Mapping[str, int], chosen: Collection[str]) -> bool:
    """Only what was recorded before can be a cause: a later entry is not waited for."""
    return any(
        seq_of.get(parent, each.seq) < each.seq and parent not in chosen for parent in each.parents
    )


def _ascending(entries: Iterable[Waiting]) -> tuple[Waiting, ...]:
    return tuple(sorted(entries, key=lambda each: each.seq))


class WaitingRoom:
    """The entries that wait, in three kinds: open, parked, and held back behind a parked one.

    Entries come in the order of the journal. Of those held back only ids and lanes are kept: they
    are read again when what holds them is gone.
    """

    def __init__(self, parked: Collection[int] = ()) -> None:
        self.parked_seqs = frozenset(parked)
        self.seen_to = 0
        self.held_count = 0
        self._open: dict[int, Waiting] = {}
        self._parked: dict[int, Waiting] = {}
        self._blocked_lanes: set[str] = set()
        self._held_ids: set[str] = set()

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, entries: Iterable[Waiting]) -> None:
        """Take in entries that follow those seen before."""
        for each in entries:
            self.seen_to = each.seq
            is_parked = each.seq in self.parked_seqs
            if is_parked:
                self._parked[each.seq] = each
            if is_parked or self._is_held(each):
                self.held_count += not is_parked
                self._blocked_lanes.add(each.lane)
                self._held_ids.add(each.id)
            else:
                self._open[each.seq] = each

    def leave(self, acked_seq: int, ahead: Sequence[Range]) -> None:
        """Entries up to ``acked_seq`` and in ``ahead`` are at the gateway."""
        ranges = iter((Range(0, acked_seq), *ahead))
        current = next(ranges)
        for seq in list(self._open):
            while seq > current.last:
                following = next(ranges, None)
                if following is None:
                    return
                current = following
            if seq >= current.first:
                del self._open[seq]

    def open(self) -> tuple[Waiting, ...]:
        """What may go out, ascending."""
        return tuple(self._open.values())

    def offerable(self) -> tuple[Waiting, ...]:
        """Parked entries that wait for nothing but the gateway's consent, ascending."""
        if not self._parked:
            return ()
        first_of: dict[str, int] = {}
        for each in (*self._open.values(), *self._parked.values()):
            first_of[each.lane] = min(each.seq, first_of.get(each.lane, each.seq))
        waiting_ids = {each.id for each in self._open.values()} | self._held_ids
        return tuple(
            each
            for each in self._parked.values()
            if first_of[each.lane] == each.seq and waiting_ids.isdisjoint(each.parents)
        )

    def _is_held(self, each: Waiting) -> bool:
        return each.lane in self._blocked_lanes or not self._held_ids.isdisjoint(each.parents)
