"""One contract for the journal port: the fake the flows run on and the real store keep it alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.core.ports import Journal, SlotAlreadySold
from firmware.core.store_journal import RECENT_ENTRIES, StoreJournal
from store_forward.contract.facts import (
    Entry,
    Fact,
    KioskStarted,
    PatientIdentity,
    RegistrationCancelled,
    RegistrationConfirmed,
)
from store_forward.store.keys import StoreKey
from store_forward.store.store import Store
from tests.fakes.fake_journal import FakeJournal
from tests.fakes.journal_of import entry_of
from tests.fakes.small_ballast import small_ballast

KEY = StoreKey("0123456789abcdef" * 4)
SOMEBODY = PatientIdentity("张测试", "resident_id_card", "x", "女", "1949-12-31", "A-P1", True)


@pytest.fixture(params=["fake", "store"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    if request.param == "fake":
        yield FakeJournal()
        return
    with Store.open(tmp_path / "store.db", KEY, device="kiosk-7", create=True) as store:
        yield StoreJournal(store, small_ballast(store))


def entry(name: str, fact: Fact) -> Entry:
    return entry_of(fact, entry_id=name)


def confirmed(order: str, slot: str) -> Entry:
    fact = RegistrationConfirmed(
        order, SOMEBODY, "NK01", "D1", slot, 1, "10:00", "10:10", "lease-1", 1, 3000
    )
    return entry(order, fact)


def cancelled(order: str) -> Entry:
    return entry(f"{order}-gone", RegistrationCancelled(order, "patient", 0, None))


def ids(journal: Journal) -> list[str]:
    return [one.id for one in journal.recent()]


def test_entries_come_back_in_order_and_unchanged(journal: Journal) -> None:
    entries = [entry(f"e{n}", KioskStarted(str(n))) for n in range(5)]
    journal.append(entries[:2])
    journal.append(entries[2:])
    assert list(journal.recent()) == entries


def test_a_sold_slot_is_refused_and_nothing_of_the_append_is_kept(journal: Journal) -> None:
    journal.append([confirmed("order-1", "slot-1")])
    with pytest.raises(SlotAlreadySold):
        journal.append([entry("before", KioskStarted("x")), confirmed("order-2", "slot-1")])
    assert ids(journal) == ["order-1"]


def test_a_cancelled_order_frees_its_slot(journal: Journal) -> None:
    journal.append([confirmed("order-1", "slot-1")])
    journal.append([cancelled("order-1")])
    journal.append([confirmed("order-2", "slot-1")])
    assert ids(journal) == ["order-1", "order-1-gone", "order-2"]


def test_the_store_gives_only_the_newest_entries_back(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.db", KEY, device="kiosk-7", create=True) as store:
        journal = StoreJournal(store, small_ballast(store))
        many = [entry(f"e{n}", KioskStarted(str(n))) for n in range(RECENT_ENTRIES + 3)]
        journal.append(many)
        assert ids(journal) == [one.id for one in many[3:]]
