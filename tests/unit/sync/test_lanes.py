"""What goes out next: lanes with money first, each lane in order, causes before what follows."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from store_forward.contract.lanes import MONEY_KINDS, concerns_money
from store_forward.contract.spans import Range
from store_forward.gateway.reading import KINDS
from store_forward.store.sending.outbox import Waiting
from store_forward.sync.lanes import WaitingRoom, pick

PLENTY = 10**9


def waiting(
    seq: int, lane: str = "a", kind: str = "kiosk_started", parents: tuple[str, ...] = ()
) -> Waiting:
    return Waiting(seq, f"e-{seq}", lane, kind, 500, parents)


def seqs(entries: Sequence[Waiting]) -> list[int]:
    return [each.seq for each in entries]


def picked(entries: Sequence[Waiting], items: int = 500, size: int = PLENTY) -> list[int]:
    return seqs(pick(entries, items, size))


def test_a_kind_that_tells_of_money_is_a_kind_of_the_contract() -> None:
    assert set(KINDS) >= MONEY_KINDS
    assert not concerns_money("kiosk_started")
    assert not concerns_money("a kind of a newer kiosk")


def test_lanes_that_hold_money_go_before_all_others_from_their_beginning() -> None:
    entries = [
        waiting(1, "kiosk"),
        waiting(2, "b", "registration_confirmed"),
        waiting(3, "kiosk"),
        waiting(4, "b", "note_credited"),
        waiting(5, "c", "slip_print_ended"),
        waiting(6, "b"),
    ]
    assert picked(entries, 2) == [2, 4]
    assert picked(entries, 4) == [1, 2, 4, 6]


def test_without_money_the_oldest_lane_goes_first() -> None:
    entries = [waiting(1, "a"), waiting(2, "b"), waiting(3, "a"), waiting(4, "b")]
    assert picked(entries, 2) == [1, 3]


def test_nothing_goes_before_what_it_follows_from() -> None:
    entries = [
        waiting(1, "kiosk"),
        waiting(2, "b", "note_credited", ("e-1",)),
        waiting(3, "b", "registration_paid"),
    ]
    assert picked(entries, 1) == [1]
    assert picked([*entries, waiting(4, "c", "note_credited")], 2) == [1, 4]


def test_a_cause_that_is_at_the_gateway_or_nowhere_is_not_waited_for() -> None:
    assert picked([waiting(5, "a", parents=("elsewhere", "e-5", "e-9")), waiting(9, "b")]) == [5, 9]


def test_bytes_bound_a_batch_but_never_below_one_entry() -> None:
    entries = [waiting(seq) for seq in range(1, 6)]
    assert picked(entries, size=1_000) == [1, 2]
    assert picked(entries, size=1) == [1]


def test_entries_that_share_an_id_all_go() -> None:
    twins = [Waiting(seq, "", "a", "kiosk_started", 500) for seq in (1, 2, 3)]
    assert picked(twins) == [1, 2, 3]


def room_of(entries: Sequence[Waiting], parked: Sequence[int] = ()) -> WaitingRoom:
    room = WaitingRoom(parked)
    room.admit(entries)
    return room


def test_a_parked_entry_holds_up_its_lane_and_what_follows_from_it_only() -> None:
    entries = [
        waiting(1, "a"),
        waiting(2, "b"),
        waiting(3, "a"),
        waiting(4, "c", parents=("e-3",)),
        waiting(5, "c"),
        waiting(6, "b"),
    ]
    room = room_of(entries, parked=[1])
    assert seqs(room.open()) == [2, 6]
    assert seqs(room.offerable()) == [1]
    assert (room.held_count, room.seen_to) == (3, 6)


def test_what_precedes_a_parked_entry_goes_and_goes_first() -> None:
    room = room_of([waiting(1, "a"), waiting(2, "a"), waiting(3, "a")], parked=[2])
    assert seqs(room.open()) == [1]
    assert room.offerable() == ()
    room.leave(1, ())
    assert seqs(room.offerable()) == [2]


def test_two_parked_entries_of_one_lane_are_offered_in_order() -> None:
    room = room_of([waiting(1, "a"), waiting(2, "a")], parked=[1, 2])
    assert seqs(room.offerable()) == [1]


@given(
    st.sets(st.integers(1, 60)),
    st.integers(0, 20),
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5)), max_size=6),
)
def test_exactly_what_is_covered_leaves(
    present: set[int], acked: int, lengths: list[tuple[int, int]]
) -> None:
    ahead, after = [], acked + 1
    for first, length in sorted(lengths):
        if first > after:
            ahead.append(Range(first, first + length))
            after = first + length + 1
    room = room_of([waiting(seq, f"lane {seq}") for seq in sorted(present)])
    room.leave(acked, ahead)
    covered = set(range(1, acked + 1)).union(*(range(a, b + 1) for a, b in ahead))
    assert seqs(room.open()) == sorted(present - covered)


journals = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from(["kiosk_started", "note_credited"]),
        st.integers(0, 30),
    ),
    min_size=1,
    max_size=30,
)


@given(journals, st.integers(1, 8), st.integers(1, 4_000))
def test_every_journal_drains_lane_by_lane_in_order_and_after_its_causes(
    journal: list[tuple[str, str, int]], items: int, size: int
) -> None:
    left = [
        waiting(seq, lane, kind, (f"e-{parent}",) if parent else ())
        for seq, (lane, kind, parent) in enumerate(journal, start=1)
    ]
    sent: list[Waiting] = []
    while left:
        batch = pick(left, items, size)
        assert batch, "something can always go"
        assert len(batch) <= items
        assert sum(each.size for each in batch) <= size or len(batch) == 1
        assert seqs(batch) == sorted(seqs(batch))
        sent += batch
        left = [each for each in left if each not in batch]
    for lane in "abcd":
        assert (of := [each.seq for each in sent if each.lane == lane]) == sorted(of)
    place = {each.id: at for at, each in enumerate(sent)}
    for at, each in enumerate(sent):
        for parent in each.parents:
            is_cause = int(parent.removeprefix("e-")) < each.seq
            assert not is_cause or place.get(parent, -1) < at
