"""An envelope says openly which keys it holds, hides them, and does not open when touched."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from store_forward.store.keyring.envelope import (
    CredentialSeal,
    DataKey,
    Envelope,
    NotAnEnvelope,
    NotOpened,
    Role,
    TooNew,
    decode,
    encode,
    new_data_key,
    new_ring_key,
    seal,
    unseal,
)

MACHINE = CredentialSeal("some-id", b"n" * 12, b"s" * 48)
MADE = "2026-07-13T08:00:00Z"


def sealed() -> tuple[Envelope, bytes, tuple[DataKey, ...]]:
    ring_key = new_ring_key()
    keys = (new_data_key(Role.CURRENT, MADE), new_data_key(Role.RETIRED, MADE))
    return seal("kiosk-7", MADE, keys, ring_key, MACHINE, None), ring_key, keys


def test_the_keys_come_back_from_the_bytes_of_the_file() -> None:
    envelope, ring_key, keys = sealed()

    again = decode(encode(envelope))

    assert again == envelope
    assert unseal(again, ring_key) == keys


def test_the_file_names_its_keys_and_shows_none() -> None:
    envelope, ring_key, keys = sealed()
    data = encode(envelope)

    for one in keys:
        assert one.note.id.encode() in data
        assert one.key.hex_digits.encode() not in data
        assert bytes.fromhex(one.key.hex_digits) not in data
        assert one.key.hex_digits not in repr(one)
    assert ring_key.hex().encode() not in data


def test_a_flip_of_any_byte_is_damage() -> None:
    data = encode(sealed()[0])

    for place in range(len(data)):
        for flip in (0x01, 0x20, 0x80):
            spoilt = bytearray(data)
            spoilt[place] ^= flip
            with pytest.raises(NotAnEnvelope):
                decode(bytes(spoilt))


def test_a_file_cut_anywhere_or_with_more_behind_it_is_damage() -> None:
    data = encode(sealed()[0])

    for length in range(len(data)):
        with pytest.raises(NotAnEnvelope):
            decode(data[:length])
    for more in (b"\n", b" ", b"{}"):
        with pytest.raises(NotAnEnvelope):
            decode(data + more)


@pytest.mark.parametrize(
    "changes",
    [
        {"device": "kiosk-8"},
        {"made_at": "2030-01-01T00:00:00Z"},
        {"machine": CredentialSeal("other", b"n" * 12, b"s" * 48)},
        {"nonce": b"m" * 12},
    ],
)
def test_who_changes_a_field_and_its_digest_is_found_out_by_the_seal(
    changes: dict[str, object],
) -> None:
    envelope, ring_key, _ = sealed()
    forged = decode(encode(msgspec.structs.replace(envelope, **changes)))

    with pytest.raises(NotOpened):
        unseal(forged, ring_key)


def test_who_swaps_the_roles_of_two_keys_is_found_out() -> None:
    envelope, ring_key, _ = sealed()
    current, retired = envelope.keys
    swapped = (
        msgspec.structs.replace(current, role=Role.RETIRED),
        msgspec.structs.replace(retired, role=Role.CURRENT),
    )

    with pytest.raises(NotOpened):
        unseal(msgspec.structs.replace(envelope, keys=swapped), ring_key)


def test_another_ring_key_does_not_open_it() -> None:
    with pytest.raises(NotOpened):
        unseal(sealed()[0], new_ring_key())


def test_an_envelope_of_a_newer_software_is_told_from_a_damaged_one() -> None:
    body = encode(sealed()[0]).split(b'{"body":')[1].split(b',"sha256"')[0]
    newer = body.replace(b'"version":1', b'"version":2')
    digest = hashlib.sha256(newer).hexdigest().encode()

    with pytest.raises(TooNew, match="version 2"):
        decode(b'{"body":' + newer + b',"sha256":"' + digest + b'"}\n')


def test_an_envelope_without_a_current_key_is_none() -> None:
    keys = (new_data_key(Role.RETIRED, MADE),)
    envelope = seal("kiosk-7", MADE, keys, new_ring_key(), MACHINE, None)

    with pytest.raises(NotAnEnvelope):
        decode(encode(envelope))
