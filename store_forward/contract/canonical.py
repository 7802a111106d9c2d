"""Canonical bytes and the hash chain.

Canonical form: UTF-8 JSON, object keys sorted, no insignificant whitespace, integers only for
numbers (the subset of RFC 8785 that our types can produce). The bytes are made once by the kiosk
and carried verbatim; nobody re-encodes an entry to check it.
"""

from __future__ import annotations

import hashlib

import msgspec

from store_forward.contract.facts import Entry

GENESIS = bytes(32)
"""Previous hash of the first entry of an incarnation."""

_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(Entry)


def encode_entry(entry: Entry) -> bytes:
    """Return the canonical bytes of an entry.

    Raises UnicodeEncodeError for text that has no UTF-8 form (a lone surrogate).
    """
    return _encoder.encode(entry)


def decode_entry(body: bytes) -> Entry:
    """Read an entry back. Raises msgspec.ValidationError or DecodeError on foreign bytes."""
    return _decoder.decode(body)


def chain_hash(previous: bytes, seq: int, body: bytes) -> bytes:
    """SHA-256 over previous hash (32 bytes), seq (8 bytes, big endian) and the entry's bytes.

    Raises ValueError when ``previous`` is not 32 bytes: the first two fields must have a fixed
    width, or two different chains could hash alike.
    """
    if len(previous) != len(GENESIS):
        raise ValueError(f"previous hash has {len(previous)} bytes, must have {len(GENESIS)}")
    return hashlib.sha256(previous + seq.to_bytes(8, "big") + body).digest()
