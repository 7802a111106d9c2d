from __future__ import annotations

import tempfile
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store_forward.store import Store
from store_forward.store.allotments import SELLING_MARGIN_SECONDS, Allotments, is_in_force
from store_forward.store.driver import Access, open_connection
from store_forward.store.errors import SlotTaken, UnreadableAnswer
from tests.unit.store.builders import KEY, cancelled, confirmed, lease, new_store

SERVER_NOW = "2026-07-13T08:00:00Z"
NOW = datetime(2026, 7, 13, 8, 0, tzinfo=UTC)


def sellable(store: Store, now: datetime = NOW, clock_error_seconds: float = 0.0) -> list[str]:
    return [one.slot_id for one in store.allotments.sellable(now, clock_error_seconds)]


def test_leased_slots_can_be_sold_until_they_are(store: Store) -> None:
    store.allotments.replace_leases([lease("s1"), lease("s2")], SERVER_NOW)
    assert sellable(store) == ["s1", "s2"]
    store.journal.append([confirmed(1, "o1", "s1")])
    assert sellable(store) == ["s2"]
    store.journal.append([cancelled(2, "o1")])
    assert sellable(store) == ["s1", "s2"]


def test_what_was_sold_in_months_makes_it_no_slower(store: Store, path: Path) -> None:
    """Core asks after each entry."""

    def steps() -> int:
        """Of SQLite's machine, in tens."""
        connection = open_connection(path, KEY, Access.READ)
        count = 0

        def one_more() -> int:
            nonlocal count
            count += 1
            return 0

        connection.raw.set_progress_handler(one_more, 10)
        assert len(Allotments(connection).unsold()) == 2
        connection.close()
        return count

    store.allotments.replace_leases([lease("s1"), lease("s2")], SERVER_NOW)
    before = steps()
    store.journal.append([confirmed(n, f"o{n}", f"sold {n}") for n in range(1, 2001)])
    assert steps() <= before + 2


def test_the_next_answer_replaces_all_leases(store: Store) -> None:
    store.allotments.replace_leases([lease("s1"), lease("s2")], SERVER_NOW)
    store.allotments.replace_leases([lease("s2"), lease("s3")], "2026-07-13T08:01:00Z")
    assert sellable(store) == ["s2", "s3"]
    assert store.allotments.as_of() == "2026-07-13T08:01:00Z"


def test_a_sold_slot_stays_sold_when_it_is_leased_again(store: Store) -> None:
    store.allotments.replace_leases([lease("s1")], SERVER_NOW)
    store.journal.append([confirmed(1, "o1", "s1")])
    store.allotments.replace_leases([lease("s1", fencing=2)], SERVER_NOW)
    assert sellable(store) == []


def test_an_older_fencing_token_never_wins(store: Store) -> None:
    newer = lease("s1", expires_at="2026-07-13T09:00:00Z", fencing=5)
    store.allotments.replace_leases([newer], SERVER_NOW)
    store.allotments.replace_leases([lease("s1", fencing=4)], SERVER_NOW)
    assert store.allotments.unsold() == (newer,)


def test_selling_stops_before_the_lease_ends(store: Store) -> None:
    store.allotments.replace_leases([lease("s1", "2026-07-13T08:10:00Z")], SERVER_NOW)
    end = datetime(2026, 7, 13, 8, 10, tzinfo=UTC) - timedelta(seconds=SELLING_MARGIN_SECONDS)
    assert sellable(store, end - timedelta(milliseconds=1)) == ["s1"]
    assert sellable(store, end) == []
    assert [one.slot_id for one in store.allotments.unsold()] == ["s1"]


@pytest.mark.parametrize("error", [120.0, -120.0])
def test_an_uncertain_clock_stops_selling_earlier(store: Store, error: float) -> None:
    store.allotments.replace_leases([lease("s1", "2026-07-13T08:02:00Z")], SERVER_NOW)
    assert sellable(store) == ["s1"]
    assert sellable(store, clock_error_seconds=error) == []


def test_expiry_is_compared_across_time_zones() -> None:
    local = lease("s1", expires_at="2026-07-13T16:10:00+08:00")
    assert is_in_force(local, NOW)
    assert not is_in_force(local, NOW + timedelta(minutes=10))


def test_slots_come_in_the_order_of_their_time(store: Store) -> None:
    late = msgspec.structs.replace(lease("a"), start="10:00")
    store.allotments.replace_leases([late, lease("b")], SERVER_NOW)
    assert sellable(store) == ["b", "a"]


@pytest.mark.parametrize("bad", ["", "soon", "2026-07-13T08:00:00"])
def test_a_lease_without_a_real_expiry_changes_nothing(store: Store, bad: str) -> None:
    store.allotments.replace_leases([lease("s1")], SERVER_NOW)
    with pytest.raises(UnreadableAnswer, match="RFC 3339"):
        store.allotments.replace_leases([lease("s2"), lease("s3", bad)], SERVER_NOW)
    with pytest.raises(UnreadableAnswer):
        store.allotments.replace_leases([], bad)
    assert sellable(store) == ["s1"]


@settings(max_examples=30, deadline=None)
@given(
    moves=st.lists(
        st.tuples(
            st.sampled_from(["sell", "cancel", "lease"]),
            st.integers(0, 4),
            st.sets(st.integers(0, 4)),
        ),
        max_size=25,
    )
)
def test_whatever_happens_a_slot_has_at_most_one_order(
    moves: list[tuple[str, int, set[int]]],
) -> None:
    holder: dict[str, str] = {}
    held: set[str] = set()
    with tempfile.TemporaryDirectory() as folder, new_store(Path(folder) / "store.db") as store:
        for number, (move, which, leased) in enumerate(moves):
            slot, order = f"s{which}", f"o{number}"
            if move == "sell":
                is_taken = slot in holder
                with pytest.raises(SlotTaken) if is_taken else nullcontext():
                    store.journal.append([confirmed(number, order, slot)])
                holder.setdefault(slot, order)
            elif move == "cancel" and slot in holder:
                store.journal.append([cancelled(number, holder.pop(slot))])
            elif move == "lease":
                held = {f"s{one}" for one in leased}
                store.allotments.replace_leases(
                    [lease(one, fencing=number + 1) for one in held], SERVER_NOW
                )
            assert set(sellable(store)) == held - holder.keys()


def test_before_the_first_answer_nothing_can_be_sold(store: Store) -> None:
    assert sellable(store) == []
    assert store.allotments.as_of() is None
