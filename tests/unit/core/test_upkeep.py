"""While nobody waits: what was recorded is signed, what is old and settled goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.core.clocks import Clock
from firmware.core.upkeep import QUIET_SECONDS, Present, Upkeep
from store_forward.contract.facts import ClockTrust
from store_forward.contract.marks import StreamMark
from store_forward.store import Store
from store_forward.store.archive.anchors import ENTRIES_BETWEEN, Signer
from store_forward.store.archive.purge import Terms
from tests.unit.store.builders import accepted, entries, entry, new_store, receipt

WALL = datetime(2027, 1, 1, tzinfo=UTC)
IDLE = Present(at_rest=True, today=date(2027, 1, 1), clock=ClockTrust.SYNCHRONISED)
BUSY = Present(at_rest=False, today=date(2027, 1, 1), clock=ClockTrust.SYNCHRONISED)


class Watch:
    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path / "store.db") as opened:
        yield opened


@pytest.fixture(name="watch")
def _watch() -> Watch:
    return Watch()


@pytest.fixture(name="upkeep")
def _upkeep(store: Store, watch: Watch) -> Upkeep:
    signer = Signer(Ed25519PrivateKey.generate().sign, "key", "boot-1")
    clock = Clock(watch.monotonic, lambda: WALL)
    return Upkeep(store, signer, Terms(days=90, kept_entries=1), clock)


def let_it_rest(upkeep: Upkeep, watch: Watch, present: Present = IDLE) -> None:
    upkeep.look(present)
    watch.seconds += QUIET_SECONDS
    upkeep.look(present)


def checked(store: Store) -> list[int]:
    return [one.seq for one in store.checkpoints.all()]


def test_a_checkpoint_comes_when_a_session_is_over_and_something_was_recorded(
    store: Store, upkeep: Upkeep
) -> None:
    store.journal.append(entries(2))
    upkeep.look(BUSY)
    assert checked(store) == []
    upkeep.look(IDLE)
    upkeep.look(IDLE)
    assert checked(store) == [2]


def test_a_busy_kiosk_gets_one_after_many_entries(store: Store, upkeep: Upkeep) -> None:
    store.journal.append(entries(ENTRIES_BETWEEN - 1))
    upkeep.look(BUSY)
    assert checked(store) == []
    store.journal.append([entry(ENTRIES_BETWEEN)])
    upkeep.look(BUSY)
    assert checked(store) == [ENTRIES_BETWEEN]


def test_a_journal_that_took_the_place_of_another_has_checkpoints_from_its_beginning(
    store: Store, upkeep: Upkeep
) -> None:
    """A disk that failed was opened anew, and the gateway had more of the journal than it held."""
    store.journal.append(entries(5))
    store.outbox.record_answer(receipt(store, 1, 5), accepted(1, 5))
    upkeep.look(IDLE)
    before = store.identity
    store.outbox.take_mark(
        StreamMark(
            device=before.device,
            incarnation=before.incarnation,
            high_water=9,
            head_hash="11" * 32,
            ahead=(),
            fenced_at=None,
            fenced_seq=None,
            at="2027-01-01T00:00:00Z",
            key_id="gateway-1",
            signature="c2lnbmF0dXJl",
        )
    )
    store.reopen()
    assert store.identity != before
    upkeep.look(IDLE)
    assert checked(store) == [store.journal.head().seq]


def test_what_is_old_goes_when_nobody_has_come_for_a_while(
    store: Store, upkeep: Upkeep, watch: Watch
) -> None:
    store.journal.append(entries(4))
    store.outbox.record_answer(receipt(store, 1, 3), accepted(1, 3))
    upkeep.look(IDLE)
    assert store.journal.base().seq == 0
    watch.seconds += QUIET_SECONDS / 2
    upkeep.look(BUSY)
    watch.seconds += QUIET_SECONDS / 2
    upkeep.look(IDLE)
    assert store.journal.base().seq == 0, "somebody was there in between"
    let_it_rest(upkeep, watch)
    assert store.journal.base().seq == 3
    assert store.journal.verify() is None


@pytest.mark.parametrize("clock", [ClockTrust.UNSYNCHRONISED, ClockTrust.INVALID])
def test_by_a_clock_that_is_not_believed_nothing_goes(
    store: Store, upkeep: Upkeep, watch: Watch, clock: ClockTrust
) -> None:
    store.journal.append(entries(4))
    store.outbox.record_answer(receipt(store, 1, 3), accepted(1, 3))
    let_it_rest(upkeep, watch, Present(at_rest=True, today=date(2027, 1, 1), clock=clock))
    assert store.journal.base().seq == 0
    assert checked(store) == [4]
