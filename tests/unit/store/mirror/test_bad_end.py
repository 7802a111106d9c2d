"""What bytes at the end of a segment, which cannot be read, may have been."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_forward.contract.canonical import encode_entry
from store_forward.contract.facts import (
    ClockTrust,
    EntriesLost,
    Entry,
    Fact,
    JournalRebuilt,
    KioskStarted,
)
from store_forward.store.mirror.bad_end import (
    SECTOR_BYTES,
    SMALLEST_ENTRY_BYTES,
    judge_end,
    unreadable,
)
from store_forward.store.mirror.format import group_bytes

ROOM = 9000


def sealed(length: int, seed: int = 1) -> bytes:
    """A record as it lies in a file: bytes that nobody foresees behind their number."""
    return length.to_bytes(4, "big") + random.Random(seed).randbytes(length)


def segment(start: int, record: bytes) -> bytes:
    return b"\1" * start + record + bytes(ROOM)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


@pytest.mark.parametrize("start", [64, 300, 509, 510, 511, 512])
def test_an_end_in_zeros_is_no_bad_end(start: int) -> None:
    assert judge_end(segment(start, b""), start) is None
    assert judge_end(b"\1" * start, start) is None


@given(at=st.integers(0, ROOM - 1))
def test_a_bit_that_flipped_where_nothing_was_written_is_none(at: int) -> None:
    assert judge_end(flipped(segment(300, b""), 300 + at), 300) is None


@given(
    start=st.integers(64, 2000),
    length=st.integers(300, 5000),
    share=st.floats(0, 1, exclude_max=True),
)
def test_a_flipped_record_is_told_from_one_that_was_cut_in_writing(
    start: int, length: int, share: float
) -> None:
    """Also where the flip is in its length."""
    at = start + int(share * (length + 4))
    found = judge_end(flipped(segment(start, sealed(length)), at), start)
    assert found is not None
    assert not found.may_be_torn
    assert found.most_entries * SMALLEST_ENTRY_BYTES <= length + 1000


@given(start=st.integers(64, 2000), length=st.integers(300, 5000), seed=st.integers(0, 2**32))
def test_what_a_power_cut_leaves_of_an_append_may_be_torn(
    start: int, length: int, seed: int
) -> None:
    """Any sectors of it, but not all."""
    rng = random.Random(seed)
    whole = segment(start, sealed(length, seed))
    torn = bytearray(segment(start, b""))
    end = start + 4 + length
    at, missing = start, 0
    while at < end:
        following = min(end, (at // SECTOR_BYTES + 1) * SECTOR_BYTES)
        if rng.random() < 0.5:
            torn[at:following] = whole[at:following]
        elif any(whole[at:following]):
            missing += 1
        at = following
    found = judge_end(bytes(torn), start)
    assert found is None or found.may_be_torn or not missing


@given(start=st.integers(64, 2000), length=st.integers(300, 5000), left=st.floats(0.05, 0.98))
def test_a_write_that_stopped_may_be_torn(start: int, length: int, left: float) -> None:
    record = sealed(length)
    found = judge_end(segment(start, record[: int(left * length)]), start)
    assert found is None or found.may_be_torn


@given(start=st.integers(64, 2000), length=st.integers(300, 5000), left=st.floats(0.05, 0.98))
def test_behind_a_cut_there_may_have_been_a_whole_segment(
    start: int, length: int, left: float
) -> None:
    found = judge_end(b"\1" * start + sealed(length)[: int(left * length)], start)
    assert found is not None
    assert not found.may_be_torn
    assert found.most_entries > 5000


@given(sizes=st.lists(st.integers(150, 900), min_size=1, max_size=12), at_once=st.integers(1, 4))
def test_bytes_are_those_of_all_entries_and_not_of_some(sizes: list[int], at_once: int) -> None:
    groups = [sizes[at : at + at_once] for at in range(0, len(sizes), at_once)]
    records = [sealed(group_bytes([bytes(one) for one in group]) - 4) for group in groups]
    found = judge_end(flipped(segment(300, b"".join(records)), 340), 300)
    assert found is not None
    assert found.may_be_just(sizes)
    if at_once == 1:  # appended at once they may be as many bytes as fewer that were not
        assert not found.may_be_just(sizes[:-1])


def test_zeros_over_a_record_may_hide_others() -> None:
    record = sealed(3000)
    found = judge_end(segment(300, record[:1000]), 300)
    assert found is not None
    assert found.most_entries >= (3000 + ROOM) // 300


def test_a_segment_that_says_nothing_may_have_held_a_whole_one() -> None:
    assert unreadable(b"").most_entries > 5000
    assert unreadable(b"x" * 1000).most_entries > 5000
    assert unreadable(b"x" * 1000 + bytes(1000)).most_entries < 20


@pytest.mark.parametrize("fact", [KioskStarted(""), EntriesLost(0, 0), JournalRebuilt(0)])
def test_no_entry_is_smaller_than_is_reckoned_with(fact: Fact) -> None:
    least = Entry("", "", "", ClockTrust.INVALID, "", "", False, fact)
    assert len(encode_entry(least)) >= SMALLEST_ENTRY_BYTES
