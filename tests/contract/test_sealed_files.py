"""A sealed file is opened whole by its recipient, or refused with the place named."""

from __future__ import annotations

import io
import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from store_forward.contract.recipients import RecipientsKey
from store_forward.contract.sealed import (
    CHUNK_BYTES,
    Header,
    NotSealed,
    find_damage,
    open_sealed,
    read_layout,
    seal,
    signed_by,
    signer_text,
)

MAKER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RECIPIENT = RecipientsKey(X25519PrivateKey.from_private_bytes(bytes(range(32, 64))))
HEADER = Header(
    kind="courier",
    device="kiosk-7",
    incarnation="life-1",
    number=3,
    made_at="2026-07-13T02:00:00Z",
    first_seq=5,
    last_seq=9,
    last_hash="ab" * 32,
    signer="kiosk-7",
)


by_the_maker = signed_by(signer_text(MAKER.public_key()))


def sealed(content: bytes) -> bytes:
    file = io.BytesIO()
    seal(file, HEADER, [content], RECIPIENT.recipient, MAKER.sign)
    return file.getvalue()


def opened(data: bytes, key: RecipientsKey = RECIPIENT) -> bytes:
    file = io.BytesIO(data)
    return b"".join(open_sealed(file, read_layout(file), key, by_the_maker))


LENGTHS = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 200_000]


@pytest.mark.parametrize("length", LENGTHS)
def test_what_was_sealed_comes_out_whole(length: int) -> None:
    content = os.urandom(length)
    assert opened(sealed(content)) == content


@given(st.lists(st.binary(max_size=2000), max_size=5))
def test_pieces_of_any_length_are_one_content(pieces: list[bytes]) -> None:
    file = io.BytesIO()
    layout = seal(file, HEADER, pieces, RECIPIENT.recipient, MAKER.sign)
    assert layout.size == len(file.getvalue())
    assert opened(file.getvalue()) == b"".join(pieces)


def test_nothing_of_the_content_stands_in_the_file() -> None:
    assert b"patient" not in sealed(b"the patient's name" * 100)


def test_the_header_can_be_read_by_everybody() -> None:
    header = read_layout(io.BytesIO(sealed(b"x"))).header
    assert (header.device, header.number, header.first_seq) == ("kiosk-7", 3, 5)
    assert header.recipient == RECIPIENT.key_id


def test_two_files_of_one_content_have_nothing_in_common_but_the_open_words() -> None:
    one, two = sealed(bytes(1000)), sealed(bytes(1000))
    start = read_layout(io.BytesIO(one)).start
    assert one[start:] != two[start:]


def test_each_flipped_byte_is_refused_and_lies_in_a_named_place() -> None:
    whole = sealed(os.urandom(CHUNK_BYTES + 500))
    for at in [*range(0, len(whole), 997), *range(0, 600, 3), *range(len(whole) - 200, len(whole))]:
        spoilt = bytearray(whole)
        spoilt[at] ^= 0x41
        with pytest.raises(NotSealed) as refused:
            opened(bytes(spoilt))
        places = refused.value.places
        assert any(one.offset <= at < one.offset + one.length for one in places), (at, places)


def test_each_length_it_is_cut_to_is_refused() -> None:
    whole = sealed(os.urandom(CHUNK_BYTES + 500))
    for length in [*range(0, len(whole), 499), *range(len(whole) - 300, len(whole))]:
        with pytest.raises(NotSealed):
            opened(whole[:length])


def test_appended_bytes_are_refused() -> None:
    with pytest.raises(NotSealed):
        opened(sealed(b"x") + b"y")


def test_another_recipient_is_told_for_whom_it_is() -> None:
    with pytest.raises(NotSealed, match="was sealed for key x25519-"):
        opened(sealed(b"x"), RecipientsKey(X25519PrivateKey.generate()))


def test_another_makers_signature_is_damage() -> None:
    file = io.BytesIO()
    seal(file, HEADER, [b"x"], RECIPIENT.recipient, Ed25519PrivateKey.generate().sign)
    layout = read_layout(file)
    assert [one.offset for one in find_damage(file, layout, by_the_maker)] == [layout.end]
    with pytest.raises(NotSealed):
        opened(file.getvalue())


def test_a_maker_that_is_no_key_has_signed_nothing() -> None:
    assert not signed_by("no key")(bytes(64), b"x")
    assert not signed_by("AAAA")(bytes(64), b"x")
