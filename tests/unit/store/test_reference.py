from __future__ import annotations

import msgspec
import pytest

from store_forward.contract.wire import (
    Department,
    Doctor,
    ReferenceChange,
    ReferencePage,
    Schedule,
    Text,
)
from store_forward.store import Store
from store_forward.store.errors import UnreadableAnswer
from store_forward.store.reference import Freshness

TEXT = Text(zh="一", en="one")


def department(code: str, name: str = "内科") -> Department:
    return Department(code, Text(name, "Internal"), TEXT, "neike", "nk", ("头痛",), TEXT)


def doctor(code: str) -> Doctor:
    return Doctor(code, "NK", TEXT, "jiayi", "jy", TEXT, TEXT, 2000)


def schedule(code: str) -> Schedule:
    return Schedule(code, "D1", "2026-07-13", "08:00", "12:00", TEXT, 20, 7, "10:42")


def change(record: Department | Doctor | Schedule) -> ReferenceChange:
    return ReferenceChange(record.code, msgspec.Raw(msgspec.json.encode(record)))


def page(
    set_name: str, cursor: str, *changes: ReferenceChange, complete: bool = True
) -> ReferencePage:
    return ReferencePage(set_name, cursor, f"as of {cursor}", changes, complete)


def test_every_set_loads_what_was_applied_by_code(store: Store) -> None:
    b, a = department("B"), department("A")
    store.reference.apply(page("departments", "1", change(b), change(a)))
    store.reference.apply(page("doctors", "1", change(doctor("D1"))))
    store.reference.apply(page("schedules", "1", change(schedule("S1"))))
    assert store.reference.load_departments() == (a, b)
    assert store.reference.load_doctors() == (doctor("D1"),)
    assert store.reference.load_schedules() == (schedule("S1"),)


def test_deltas_replace_and_tombstones_remove(store: Store) -> None:
    store.reference.apply(
        page("departments", "1", change(department("A")), change(department("B")))
    )
    renamed = department("A", "普通内科")
    store.reference.apply(
        page(
            "departments",
            "2",
            change(renamed),
            ReferenceChange("B", None),
            ReferenceChange("C", None),
        )
    )
    assert store.reference.load_departments() == (renamed,)


def test_the_cursor_moves_with_the_data(store: Store) -> None:
    assert store.reference.freshness("departments") is None
    store.reference.apply(page("departments", "7", change(department("A"))))
    assert store.reference.freshness("departments") == Freshness("7", "as of 7")
    assert store.reference.freshness("doctors") is None


def test_half_a_pull_is_not_fresh(store: Store) -> None:
    store.reference.apply(page("departments", "1", change(department("A")), complete=False))
    assert store.reference.freshness("departments") == Freshness("1", None)
    store.reference.apply(page("departments", "2", complete=True))
    store.reference.apply(page("departments", "3", complete=False))
    assert store.reference.freshness("departments") == Freshness("3", "as of 2")


@pytest.mark.parametrize(
    "bad",
    [
        ReferenceChange("B", msgspec.Raw(b'{"code":"B"}')),
        ReferenceChange("B", msgspec.Raw(b"not json")),
        ReferenceChange("B", msgspec.Raw(msgspec.json.encode(department("X")))),
    ],
)
def test_a_page_with_a_bad_record_changes_nothing(store: Store, bad: ReferenceChange) -> None:
    store.reference.apply(page("departments", "1", change(department("A"))))
    with pytest.raises(UnreadableAnswer, match="departments record 'B'"):
        store.reference.apply(page("departments", "2", ReferenceChange("A", None), bad))
    assert store.reference.load_departments() == (department("A"),)
    assert store.reference.freshness("departments") == Freshness("1", "as of 1")


def test_an_unknown_set_is_refused(store: Store) -> None:
    with pytest.raises(UnreadableAnswer, match="'patients' is none of departments"):
        store.reference.apply(page("patients", "1"))


def test_fields_of_a_newer_gateway_are_ignored(store: Store) -> None:
    record = msgspec.json.decode(msgspec.json.encode(department("A"))) | {"floor": 3}
    newer = ReferenceChange("A", msgspec.Raw(msgspec.json.encode(record)))
    store.reference.apply(page("departments", "1", newer))
    assert store.reference.load_departments() == (department("A"),)
