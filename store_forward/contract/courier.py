"""Facts by courier: what a kiosk without a network gives a person to carry, and what comes back.

Out goes a sealed file (``contract.sealed``) for the gateway's courier key. Its content is batches,
each as 4 bytes of length (big endian) and the body of ``POST /v1/batches``, so that what comes on a
stick is judged by the same code as what comes by network. Back come the gateway's answers, signed.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable, Iterator

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from store_forward.contract.wire import MAX_BATCH_BYTES, Batch, BatchAnswer

BUNDLE_KIND = "courier"
BUNDLE_SUFFIX = ".courier"
RECEIPTS_SUFFIX = ".receipts"
_LENGTH = struct.Struct(">I")
_batches = msgspec.json.Decoder(Batch)


class NotABundle(ValueError):
    """The content of a bundle is not what this software can read. Nothing of it was used."""


class NotTheGateways(NotABundle):
    """These answers are well formed, and signed by another key than the gateway's."""


class Refusal(msgspec.Struct, frozen=True):
    """An entry that the gateway did not take, and why (a stable word)."""

    seq: int
    code: str


class CourierReceipts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The gateway's answers to a bundle. ``number`` is the bundle's.

    ``signature`` is Ed25519 (base64) by the gateway key ``key_id`` over ``receipts_bytes``; each
    answer holds a receipt that is signed itself.
    """

    device: str
    incarnation: str
    number: int
    answers: tuple[BatchAnswer, ...]
    refused: tuple[Refusal, ...]
    made_at: str
    key_id: str
    signature: str
    kind: str = "courier_receipts"


def encode_batches(bodies: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a bundle, piece by piece. ``bodies`` are encoded batches."""
    for body in bodies:
        yield _LENGTH.pack(len(body)) + body


def decode_batches(content: Iterable[bytes]) -> Iterator[Batch]:
    """The batches of a bundle's content, which comes in pieces of any length.

    Raises NotABundle.
    """
    held = bytearray()
    for piece in content:
        held += piece
        while len(held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(held)
            if not 0 < length <= MAX_BATCH_BYTES:
                raise NotABundle(f"no batch has {length} bytes")
            end = _LENGTH.size + length
            if len(held) < end:
                break
            yield _decode(bytes(held[_LENGTH.size : end]))
            del held[:end]
    if held:
        raise NotABundle("the last batch is not whole")


def _decode(body: bytes) -> Batch:
    try:
        return _batches.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise NotABundle(f"a batch in it cannot be read: {fault}") from fault


def receipts_bytes(receipts: CourierReceipts) -> bytes:
    """The signed bytes: sorted compact JSON with an empty signature."""
    return msgspec.json.encode(msgspec.structs.replace(receipts, signature=""), order="sorted")


def sign_receipts(receipts: CourierReceipts, key: Ed25519PrivateKey) -> CourierReceipts:
    """Return the answers with the signature filled in."""
    signature = base64.b64encode(key.sign(receipts_bytes(receipts))).decode()
    return msgspec.structs.replace(receipts, signature=signature)


def read_receipts(data: bytes, gateway: Ed25519PublicKey) -> CourierReceipts:
    """Read answers and check that the gateway signed exactly these bytes' meaning.

    Raises NotABundle.
    """
    try:
        receipts = msgspec.json.decode(data, type=CourierReceipts)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise NotABundle(f"these are no receipts of the gateway: {fault}") from fault
    if msgspec.json.encode(receipts, order="sorted") != data:
        raise NotABundle("these receipts were changed: they are not in the gateway's form")
    try:
        signature = base64.b64decode(receipts.signature, validate=True)
        gateway.verify(signature, receipts_bytes(receipts))
    except (binascii.Error, ValueError, InvalidSignature) as fault:
        raise NotTheGateways("these receipts are not signed by this hospital's gateway") from fault
    return receipts
