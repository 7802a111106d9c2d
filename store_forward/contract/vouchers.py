"""The signed code on a slip: what the kiosk vouches for, short enough for a small QR symbol.

Form: ``OP1.<payload>.<signature>``; payload is base64url (no padding) of a JSON array in the
order of ``VoucherPayload``; the signature is Ed25519 by the kiosk's device key over the ASCII
text before the second dot. A request signature never starts with ``OP1.``, so neither can pass
for the other.
"""

from __future__ import annotations

import base64
import binascii

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

PREFIX = "OP1"
"""Format and version."""

MAX_VOUCHER_CHARS = 250
"""Longest text: QR version 12 at error correction M (ISO/IEC 18004, byte mode: 287 bytes)."""


class BadVoucher(Exception):
    """The text is no voucher, or the given key did not sign it."""


class VoucherPayload(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What the slip says. ``state`` is the promise made at printing time, e.g. ``recorded``.

    ``number`` is the slot number, 0 for a slip without one; ``amount_fen`` what was paid or owed.
    """

    slip_code: str
    order_id: str
    kiosk: str
    number: int
    amount_fen: int
    state: str = "recorded"


def voucher_text(payload: VoucherPayload, key: Ed25519PrivateKey) -> str:
    """Return the text for the QR symbol.

    Raises ValueError when it would pass MAX_VOUCHER_CHARS.
    """
    signed = f"{PREFIX}.{_encode(msgspec.json.encode(payload))}"
    text = f"{signed}.{_encode(key.sign(signed.encode()))}"
    if len(text) > MAX_VOUCHER_CHARS:
        raise ValueError(
            f"the voucher of slip {payload.slip_code} has {len(text)} characters, more than "
            f"{MAX_VOUCHER_CHARS}: shorten the kiosk id or the prefix"
        )
    return text


def read_voucher(text: str, public_key: Ed25519PublicKey) -> VoucherPayload:
    """Read and check a scanned text. Raises BadVoucher."""
    if len(text) > MAX_VOUCHER_CHARS:
        raise BadVoucher("too long to be a voucher")
    signed, _, signature = text.rpartition(".")
    prefix, _, payload = signed.partition(".")
    if prefix != PREFIX or not payload:
        raise BadVoucher("not a voucher of this version")
    try:
        public_key.verify(_decode(signature), signed.encode())
        return msgspec.json.decode(_decode(payload), type=VoucherPayload)
    except InvalidSignature as fault:
        raise BadVoucher("not signed by this kiosk, or altered") from fault
    except (binascii.Error, ValueError, msgspec.MsgspecError) as fault:
        raise BadVoucher("not a well-formed voucher") from fault


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
