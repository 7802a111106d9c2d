"""The content of a courier's bundle is read whole, or refused with the part named."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_forward.contract.courier import (
    CONTENT_VERSION,
    Bundle,
    NotABundle,
    Preface,
    decode_bundle,
    encode_bundle,
)
from store_forward.contract.resolutions import MAX_REPORTED, ParkedEntry
from store_forward.contract.wire import MAX_BATCH_BYTES, Batch, Item

PARKED = ParkedEntry(3, "ab" * 32, "cd" * 32, "entry-3", "order:o-1", "note_credited", "poison", 2)
PREFACE = Preface(CONTENT_VERSION, 1_783_900_000_000, (PARKED,))
BATCH = Batch("kiosk-7", "life-1", (Item(1, "ef" * 32, msgspec.Raw(b'{"id":"entry-1"}')),))


def written(preface: Any, *batches: Batch) -> bytes:
    return b"".join(encode_bundle(preface, map(msgspec.json.encode, batches)))


def pieces(content: bytes, length: int) -> Iterator[bytes]:
    for start in range(0, len(content), length):
        yield content[start : start + length]


def refused(content: bytes) -> str:
    with pytest.raises(NotABundle) as caught:
        decode_bundle([content])
    return str(caught.value)


@pytest.mark.parametrize("length", [1, 7, 10_000])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_was_written_is_read_in_pieces_of_any_length(length: int, count: int) -> None:
    bundle = decode_bundle(pieces(written(PREFACE, *[BATCH] * count), length))
    assert bundle == Bundle(PREFACE, (BATCH,) * count)


def test_each_length_it_is_cut_to_is_refused_but_between_two_parts() -> None:
    content = written(PREFACE, BATCH)
    whole = {len(written(PREFACE)), len(content)}
    for length in set(range(len(content) + 1)) - whole:
        refused(content[:length])


def test_nothing_is_no_bundle() -> None:
    assert "its preface cannot be read" in refused(b"")


def test_batches_without_a_preface_are_refused() -> None:
    body = msgspec.json.encode(BATCH)
    assert "of version 0" in refused(struct.pack(">I", len(body)) + body)


def test_another_version_is_named_whatever_else_it_holds() -> None:
    later = {"version": 2, "decided_to": "?", "weather": "fine"}
    assert "its content is of version 2, this software reads version 1" in refused(written(later))


@pytest.mark.parametrize(
    "changes",
    [
        {"decided_to": -1},
        {"decided_to": 10**18},
        {"weather": "fine"},
        {"parked": [msgspec.to_builtins(PARKED)] * 2},
        {"parked": [msgspec.to_builtins(PARKED)] * (MAX_REPORTED + 1)},
        {"parked": [{**msgspec.to_builtins(PARKED), "seq": 0}]},
        {"parked": [{**msgspec.to_builtins(PARKED), "hash": "short"}]},
        {"parked": [{**msgspec.to_builtins(PARKED), "kind": "two words"}]},
        {"parked": [{**msgspec.to_builtins(PARKED), "lane": "\0"}]},
        {"parked": [{**msgspec.to_builtins(PARKED), "attempts": 2**31}]},
        {"parked": [{**msgspec.to_builtins(PARKED), "amount_fen": 1000}]},
    ],
    ids=str,
)
def test_a_preface_that_says_anything_else_is_refused(changes: dict[str, object]) -> None:
    assert "preface" in refused(written({**msgspec.to_builtins(PREFACE), **changes}))


def test_the_fullest_preface_is_no_longer_than_a_part_may_be() -> None:
    seqs = range(2**53 - MAX_REPORTED, 2**53)
    texts = {"entry_id": "\1" * 128, "lane": "\1" * 128, "kind": "k" * 64, "code": "c" * 64}
    fullest = [
        {**msgspec.to_builtins(PARKED), **texts, "attempts": 2**31 - 1, "seq": seq} for seq in seqs
    ]
    content = written({"version": 1, "decided_to": 10**18 - 1, "parked": fullest})
    assert len(content) <= MAX_BATCH_BYTES
    assert len(decode_bundle([content]).preface.parked) == MAX_REPORTED


def test_a_part_that_is_too_long_is_refused_before_it_is_held() -> None:
    assert "has 1048577 bytes" in refused(struct.pack(">I", MAX_BATCH_BYTES + 1))


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_a_bundle_or_refused(content: bytes, has_preface: bool) -> None:
    with suppress(NotABundle):
        decode_bundle([written(PREFACE) + content if has_preface else content])
