"""Facts by courier: what a kiosk without a network gives a person to carry, and what comes back.

Out goes a sealed file (``contract.sealed``) for the gateway's courier key. Its content is records,
each as 4 bytes of length (big endian) and JSON: first the preface, then batches, none or more. The
preface says what a kiosk with a network says in ``POST /v1/exceptions`` and asks in ``GET
/v1/resolutions``; a batch is the body of ``POST /v1/batches``. So what comes on a stick is judged
by the same code as what comes by network. Back come the gateway's answers, signed.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import Annotated, NamedTuple, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from store_forward.contract.resolutions import MAX_REPORTED, KnownCase, ParkedEntry, Resolution
from store_forward.contract.wire import MAX_BATCH_BYTES, Batch, BatchAnswer

BUNDLE_KIND = "courier"
BUNDLE_SUFFIX = ".courier"
RECEIPTS_SUFFIX = ".receipts"
CONTENT_VERSION = 1
_LENGTH = struct.Struct(">I")

DecisionNumber = Annotated[int, msgspec.Meta(ge=0, lt=10**18)]
"""The ``number`` of a resolution; 0 before the first."""

T = TypeVar("T")


class NotABundle(ValueError):
    """The content of a bundle is not what this software can read. Nothing of it was used."""


class NotTheGateways(NotABundle):
    """These answers are well formed, and signed by another key than the gateway's."""


class Preface(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bundle says before its entries.

    ``decided_to``: up to which decision the kiosk knows what people decided about this journal.
    ``parked``: entries that the kiosk holds back because the gateway refused them, ascending.
    """

    version: int
    decided_to: DecisionNumber
    parked: Annotated[tuple[ParkedEntry, ...], msgspec.Meta(max_length=MAX_REPORTED)]


class Bundle(NamedTuple):
    """The content of a bundle."""

    preface: Preface
    batches: tuple[Batch, ...]


class Refusal(msgspec.Struct, frozen=True):
    """An entry that the gateway did not take, and why (a stable word)."""

    seq: int
    code: str


class Decided(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What people decided about the bundle's journal after decision ``since`` up to ``until``.

    Oldest first, each signed by itself, and each older than the refusals it comes with.
    ``complete``: there was no later one.
    """

    since: int
    until: int
    decisions: tuple[Resolution, ...]
    complete: bool


class CourierReceipts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The gateway's answers to a bundle. ``number`` is the bundle's.

    ``cases`` are those of the entries that are parked or ``refused``, as the gateway knows them.
    ``signature`` is Ed25519 (base64) by the gateway key ``key_id`` over ``receipts_bytes``; each
    answer holds a receipt that is signed itself.
    """

    device: str
    incarnation: str
    number: int
    answers: tuple[BatchAnswer, ...]
    refused: tuple[Refusal, ...]
    cases: tuple[KnownCase, ...]
    decided: Decided
    made_at: str
    key_id: str
    signature: str
    kind: str = "courier_receipts"


def encode_bundle(preface: Preface, bodies: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a bundle, piece by piece. ``bodies`` are encoded batches."""
    for record in chain([msgspec.json.encode(preface)], bodies):
        yield _LENGTH.pack(len(record)) + record


def decode_bundle(content: Iterable[bytes]) -> Bundle:
    """Read a bundle's content, which comes in pieces of any length, to its end.

    Raises NotABundle.
    """
    records = _records(content)
    preface = _read_preface(next(records, b""))
    return Bundle(preface, tuple(_read(record, Batch, "a batch in it") for record in records))


def _records(content: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for piece in content:
        held += piece
        while len(held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(held)
            if not 0 < length <= MAX_BATCH_BYTES:
                raise NotABundle(f"no part of a bundle has {length} bytes")
            end = _LENGTH.size + length
            if len(held) < end:
                break
            yield bytes(held[_LENGTH.size : end])
            del held[:end]
    if held:
        raise NotABundle("its last part is not whole")


class _Version(msgspec.Struct, frozen=True):
    version: int = 0


def _read_preface(record: bytes) -> Preface:
    version = _read(record, _Version, "its preface").version
    if version != CONTENT_VERSION:
        # Told before its members are looked at, which may be others then.
        raise NotABundle(
            f"its content is of version {version}, this software reads version {CONTENT_VERSION}: "
            "kiosk and gateway need the same"
        )
    preface = _read(record, Preface, "its preface")
    if any(one.seq >= other.seq for one, other in pairwise(preface.parked)):
        raise NotABundle("the parked entries in its preface do not ascend")
    return preface


def _read(record: bytes, kind: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(record, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise NotABundle(f"{name} cannot be read: {fault}") from fault


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
