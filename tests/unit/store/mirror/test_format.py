from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_forward.contract.canonical import GENESIS, chain_hash
from store_forward.store.mirror.format import (
    PREFIX_BYTES,
    Abort,
    Content,
    Damaged,
    Group,
    Header,
    Prefix,
    SegmentCipher,
    decode_content,
    decode_prefix,
    encode_content,
    encode_prefix,
    group_bytes,
    record_length,
)
from tests.unit.store.builders import KEY, OTHER_KEY

PREFIX = Prefix(7, bytes(range(32)))
HEADER = Header(7, "kiosk-7", "life-1", 41, b"\x01" * 32, 30, 5, None, 12)


def group(first: int, bodies: tuple[bytes, ...], previous: bytes = GENESIS) -> Group:
    head = previous
    for seq, body in enumerate(bodies, first):
        head = chain_hash(head, seq, body)
    return Group(first, previous, head, bodies)


groups = st.builds(
    group, st.integers(1, 2**53), st.lists(st.binary(max_size=300), min_size=1).map(tuple)
)
contents: st.SearchStrategy[Content] = st.one_of(
    groups,
    st.just(HEADER),
    st.builds(Abort, st.integers(0, 2**63), st.integers(0, 2**63)),
)


@given(contents)
def test_what_is_encoded_is_decoded(content: Content) -> None:
    assert decode_content(encode_content(content)) == content


def test_the_first_bytes_are_laid_out_as_described() -> None:
    data = encode_prefix(PREFIX)
    assert len(data) == PREFIX_BYTES
    assert data[:8] == b"OUTPMIRR"
    assert data[8:12] == (1).to_bytes(4, "big")
    assert data[12:20] == (7).to_bytes(8, "big")
    assert data[20:52] == PREFIX.salt
    assert data[52:64] == bytes(12)
    assert decode_prefix(data + b"more") == PREFIX


@pytest.mark.parametrize("bit", range(0, PREFIX_BYTES * 8, 7))
def test_a_flipped_bit_in_the_first_bytes_is_noticed(bit: int) -> None:
    data = bytearray(encode_prefix(PREFIX))
    data[bit // 8] ^= 1 << bit % 8
    cipher = SegmentCipher(KEY, PREFIX)
    record = cipher.seal(0, PREFIX_BYTES, encode_content(HEADER))
    try:
        found = decode_prefix(bytes(data))
    except Damaged:
        return
    with pytest.raises(Damaged):
        SegmentCipher(KEY, found).open(0, PREFIX_BYTES, record[4:])


def test_a_record_opens_in_its_place_only() -> None:
    cipher = SegmentCipher(KEY, PREFIX)
    record = cipher.seal(3, 1000, b"\x01content")
    assert record_length(record, 0) == len(record) - 4
    assert cipher.open(3, 1000, record[4:]) == b"\x01content"
    for number, offset in ((2, 1000), (4, 1000), (3, 1001)):
        with pytest.raises(Damaged):
            cipher.open(number, offset, record[4:])
    for other in (
        SegmentCipher(OTHER_KEY, PREFIX),
        SegmentCipher(KEY, Prefix(8, PREFIX.salt)),
        SegmentCipher(KEY, Prefix(7, bytes(32))),
    ):
        with pytest.raises(Damaged):
            other.open(3, 1000, record[4:])


def test_a_shortened_record_does_not_open() -> None:
    cipher = SegmentCipher(KEY, PREFIX)
    record = cipher.seal(1, 200, b"\x01content")
    with pytest.raises(Damaged):
        cipher.open(1, 200, record[4:-1])


@pytest.mark.parametrize("length", [1, 16, 100, 2**31, 2**32 - 1])
def test_a_length_that_cannot_be_is_damage(length: int) -> None:
    with pytest.raises(Damaged):
        record_length(length.to_bytes(4, "big") + bytes(50), 0)


def test_zeros_and_the_end_of_the_file_end_a_segment() -> None:
    assert record_length(bytes(100), 0) == 0
    assert record_length(bytes(100), 100) == 0
    with pytest.raises(Damaged, match="within the length"):
        record_length(bytes(100), 98)


@given(groups)
def test_the_size_of_a_group_is_known_before_it_is_sealed(one: Group) -> None:
    cipher = SegmentCipher(KEY, PREFIX)
    assert len(cipher.seal(1, 100, encode_content(one))) == group_bytes(one.bodies)


def test_a_group_that_contradicts_its_hashes_is_damage() -> None:
    one = group(5, (b"a", b"b"))
    other = Group(5, one.previous_hash, bytes(32), one.bodies)
    with pytest.raises(Damaged, match="entry 5"):
        decode_content(encode_content(other))


@given(st.binary(max_size=200))
def test_foreign_bytes_are_damage_and_nothing_else(data: bytes) -> None:
    with suppress(Damaged):
        decode_content(data)


def test_a_group_shows_no_content_when_printed() -> None:
    assert repr(group(1, (b"secret",))) == "Group(…)"
