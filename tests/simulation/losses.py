"""Entries that both copies at a kiosk have lost: what the next start must say of them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from store_forward.contract.facts import EntriesLost, JournalReplaced
from store_forward.contract.spans import Range, holds
from store_forward.contract.wire import LARGEST_SEQ
from store_forward.store.journal import Row
from store_forward.store.store import Role, Store
from tests.simulation.damage import (
    Blow,
    DatabaseHarm,
    acknowledged,
    harm_database,
    harm_mirror,
    keep_main_file,
    leaves_a_trace,
    mirrored,
)
from tests.simulation.kiosk import KEY, Kiosk

if TYPE_CHECKING:
    from tests.simulation.world import World


class Losses:
    """Strikes disks, and compares what was on them with what the kiosk says afterwards."""

    def __init__(self, world: World) -> None:
        self._world = world

    def strike(self, kiosk: Kiosk, blow: Blow) -> None:
        """Both copies are damaged while the kiosk is off, and it starts again.

        Nothing happens where there is no such place, or where the gateway has gone back meanwhile
        and lacks what the mirror let go: nobody could know both losses.
        """
        before, journal = list(kiosk.rows()), kiosk.incarnation
        if not leaves_a_trace(kiosk, blow) or self._has_holes(kiosk, before):
            return
        main_file = keep_main_file(kiosk)
        kiosk.stop()
        harm_database(kiosk.path, blow.database, main_file)
        harm_mirror(kiosk.path, blow)
        whole = mirrored(kiosk) | self._left_in_database(kiosk, blow)
        kiosk.start()
        self._world.observer.learn(kiosk)
        kiosk.memory.is_struck = True
        if kiosk.incarnation != journal:
            self._world.backups.clear()  # as after any start that begins a new journal
        if blow.database is not DatabaseHarm.LOG_LOST:
            kiosk.memory.unproven[journal] = kiosk.core.outbox.acked_seq()
        gone = self._gone(kiosk, before, whole)
        self._account_for(kiosk, journal, gone)
        self._go_on(kiosk, gone)

    def _has_holes(self, kiosk: Kiosk, rows: Sequence[Row]) -> bool:
        """Whether the gateway has gone back and lacks what the mirror does not hold any more, or
        tells of as acknowledged.

        In any other case the mirror holds all that the gateway lacks.
        """
        there, observer = mirrored(kiosk), self._world.observer
        unknown = [row for row in rows if not observer.is_known(kiosk.device, row.entry().id)]
        lacking = [row.seq for row in unknown if there.get(row.seq) != row.hash.hex()]
        has_gone_back = self._world.hospital.restores > 0
        assert not lacking or has_gone_back or kiosk.memory.is_struck, (
            f"entries {lacking} of {kiosk.device} are neither mirrored nor at the gateway"
        )
        told = acknowledged(kiosk)
        return has_gone_back and (bool(lacking) or any(row.seq <= told for row in unknown))

    def _left_in_database(self, kiosk: Kiosk, blow: Blow) -> dict[int, str]:
        """Chain hashes of what a damaged database still holds, read from a copy of it."""
        if blow.database is not DatabaseHarm.LOG_LOST:
            return {}
        copy = kiosk.folder / "looked-at" / kiosk.path.name
        copy.parent.mkdir()
        shutil.copy(kiosk.path, copy)
        with Store.open(copy, KEY, device=kiosk.device, role=Role.GUEST) as store:
            found = {row.seq: row.hash.hex() for row in store.journal.read(0, 10_000)}
        shutil.rmtree(copy.parent)
        return found

    def _gone(self, kiosk: Kiosk, before: Sequence[Row], whole: dict[int, str]) -> list[Row]:
        """What is on the disk no more. Of that nothing stood whole in a file."""
        there = {row.entry().id for row in kiosk.rows()}
        gone = [row for row in before if row.entry().id not in there]
        left = [row.seq for row in gone if whole.get(row.seq) == row.hash.hex()]
        assert not left, f"entries {left} of {kiosk.device} stood whole in a file, and are lost"
        return gone

    def _account_for(self, kiosk: Kiosk, journal: str, gone: Sequence[Row]) -> None:
        """What is gone is named, or the gateway has it; what is named is gone."""
        observer, named = self._world.observer, _named(kiosk, journal)
        both = [row.seq for row in kiosk.rows() if holds(named, row.seq)]
        assert kiosk.incarnation != journal or not both, (
            f"{kiosk.device} has entries {both} and names them lost"
        )
        for row in gone:
            entry_id = row.entry().id
            if holds(named, row.seq):
                kiosk.memory.accepted.pop(entry_id, None)  # it need not be anywhere any more
                observer.lose((kiosk.device, journal, row.seq, row.hash.hex()))
                continue
            if not observer.is_known(kiosk.device, entry_id):
                # The gateway had another entry of this number, so the journal was replaced.
                assert holds(_left_behind(kiosk, journal), row.seq), (
                    f"{kiosk.device} has lost entry {row.seq}, and does not say so"
                )
                kiosk.memory.accepted.pop(entry_id, None)
                continue
            # Only the gateway has it now: one that went back to before that would have lost it.
            self._world.backups.clear()
        kiosk.memory.named.setdefault(journal, []).extend(named)

    def _go_on(self, kiosk: Kiosk, gone: Sequence[Row]) -> None:
        """What the start recorded counts, too; nobody goes on with an order not wholly known."""
        for row in kiosk.rows():
            kiosk.memory.accepted.setdefault(row.entry().id, row.body)
        lanes = {row.entry().lane for row in gone}
        for order in kiosk.memory.orders:
            order.is_open = order.is_open and f"order:{order.order_id}" not in lanes


def _named(kiosk: Kiosk, journal: str) -> list[Range]:
    """The numbers of a journal that are lost, as facts on this disk say."""
    facts = [row.entry().fact for row in kiosk.rows()]
    return [
        Range(fact.first_seq, fact.last_seq)
        for fact in facts
        if isinstance(fact, EntriesLost) and fact.incarnation == journal
    ]


def _left_behind(kiosk: Kiosk, journal: str) -> list[Range]:
    """The numbers of a journal that are nowhere on this disk, as the one in its place says."""
    facts = [row.entry().fact for row in kiosk.rows()]
    return [
        Range(fact.first_lost, fact.last_lost or LARGEST_SEQ)
        for fact in facts
        if isinstance(fact, JournalReplaced) and fact.previous_incarnation == journal
    ]
