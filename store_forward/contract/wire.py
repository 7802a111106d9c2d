"""HTTP bodies between kiosk and gateway (OpenAPI 3.1 is generated from these types)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import msgspec

from store_forward.contract.facts import Redacted

MAX_BATCH_BYTES = 1_048_576
"""Largest request body the gateway reads; above it answers 413 and the kiosk halves its batch."""

MAX_BATCH_ITEMS = 500

LARGEST_SEQ = 2**53
"""Every reader of JSON knows whole numbers up to here exactly, and every database holds them."""

# Python's $ matches before a newline at the end too, that of JSON Schema does not.
_HEX_32 = r"^[0-9a-f]{64}$(?!\n)"
_NAME = r"^[A-Za-z0-9._:-]+$(?!\n)"

Hex32 = Annotated[str, msgspec.Meta(pattern=_HEX_32)]
Seq = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_SEQ)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=_NAME)]


class Item(Redacted, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One journal entry on the wire. ``entry`` is the canonical JSON, byte for byte.

    ``previous`` is the chain hash before it. It may be left out where the item directly before
    it in the batch is the entry directly before it in the journal.
    """

    seq: Seq
    hash: Hex32
    entry: msgspec.Raw
    previous: Hex32 | None = None


class Batch(Redacted, frozen=True, forbid_unknown_fields=True):
    """Journal entries of one incarnation of one kiosk, ascending, signed as an HTTP message.

    Entries may be missing between the items: an entry that the gateway does not take holds up
    its own lane, not the journal.
    """

    device: Name
    incarnation: Name
    items: tuple[Item, ...]


class Outcome(StrEnum):
    """What the gateway did with an item."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    CONFLICT = "conflict"
    REVIEW = "review"


class Result(msgspec.Struct, frozen=True):
    """Answer for one item. ``code`` is a stable machine word, ``his_ref`` the HIS row."""

    seq: int
    id: str
    outcome: Outcome
    his_ref: str | None = None
    code: str | None = None
    retryable: bool = False


class Span(msgspec.Struct, frozen=True):
    """Consecutive journal entries, both ends included. ``last_hash`` is that of ``last_seq``."""

    first_seq: int
    last_seq: int
    last_hash: str


class Receipt(msgspec.Struct, frozen=True):
    """What the gateway has durably recorded, countersigned.

    ``spans`` are the entries of the batch, ascending. ``ack_seq``: every seq up to it is durably
    recorded at the gateway, whatever its outcome, or settled by a person.
    ``signature`` is Ed25519 (base64) by the gateway key ``key_id`` over ``receipt_bytes``.
    """

    batch_id: str
    device: str
    incarnation: str
    spans: tuple[Span, ...]
    ack_seq: int
    received_at: str
    key_id: str
    signature: str


def receipt_bytes(receipt: Receipt) -> bytes:
    """The signed bytes of a receipt: sorted compact JSON with an empty signature."""
    return signed_bytes(receipt)


def signed_bytes(told: msgspec.Struct) -> bytes:
    """What the gateway signs of anything it countersigns: as ``receipt_bytes``."""
    return msgspec.json.encode(msgspec.structs.replace(told, signature=""), order="sorted")


class BatchAnswer(msgspec.Struct, frozen=True):
    """200 answer to POST /v1/batches."""

    results: tuple[Result, ...]
    receipt: Receipt


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Error body (RFC 9457 application/problem+json). ``code`` is a stable machine word."""

    title: str
    status: int
    code: str
    detail: str = ""


# --- reference data -----------------------------------------------------------------------------


class Text(msgspec.Struct, frozen=True):
    """A text in the two screen languages."""

    zh: str
    en: str


class Department(msgspec.Struct, frozen=True):
    """A department that can be registered for. ``keywords`` are symptom words and aliases."""

    code: str
    name: Text
    location: Text
    pinyin: str
    initials: str
    keywords: tuple[str, ...] = ()
    introduction: Text | None = None


class Doctor(msgspec.Struct, frozen=True):
    """A doctor with title (职称) and specialty (专业). ``fee_fen`` is the registration fee."""

    code: str
    department_code: str
    name: Text
    pinyin: str
    initials: str
    title: Text
    specialty: Text
    fee_fen: int


class Schedule(msgspec.Struct, frozen=True):
    """A doctor's session of one day. ``remaining`` counts unsold slots as of ``as_of``."""

    code: str
    doctor_code: str
    date: str
    start: str
    end: str
    room: Text
    capacity: int
    remaining: int
    as_of: str


if TYPE_CHECKING:
    _RecordOrNull = msgspec.Raw | None
else:
    # msgspec reads no union of Raw and None: null arrives as Raw and becomes None below.
    _RecordOrNull = msgspec.Raw


class ReferenceChange(msgspec.Struct, frozen=True):
    """One delta: ``record`` is None for a tombstone."""

    key: str
    record: _RecordOrNull

    def __post_init__(self) -> None:
        if self.record is not None and bytes(self.record) == b"null":
            msgspec.structs.force_setattr(self, "record", None)


class ReferencePage(msgspec.Struct, frozen=True):
    """Answer to GET /v1/reference/{set}?since=cursor. Sets: departments, doctors, schedules."""

    set: str
    cursor: str
    as_of: str
    changes: tuple[ReferenceChange, ...]
    complete: bool = True


# --- allotments ---------------------------------------------------------------------------------


class LeaseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v1/allotments/lease: top the kiosk up to ``wanted_per_doctor`` unsold slots each.

    Idempotent on ``request_id``.
    """

    device: Name
    request_id: Name
    wanted_per_doctor: Annotated[int, msgspec.Meta(ge=0, le=50)]


class SlotLease(msgspec.Struct, frozen=True):
    """One specific slot leased to one kiosk until ``expires_at`` (RFC 3339 UTC).

    ``expires_at`` is at the latest the start of the slot, unless the clinic sells past slots (a
    demonstration), so a kiosk that keeps to it needs no rule of its own for times gone by.
    ``fencing`` grows each time the slot is leased anew; an older token never wins.
    """

    lease_id: str
    slot_id: str
    schedule_code: str
    doctor_code: str
    number: int
    start: str
    end: str
    expires_at: str
    fencing: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_SEQ)]


class LeaseAnswer(msgspec.Struct, frozen=True):
    """All slots now leased to this kiosk and unsold, and the gateway's time."""

    leases: tuple[SlotLease, ...]
    now: str


class LeaseReturn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v1/allotments/return: give unsold slots back."""

    device: Name
    lease_ids: tuple[str, ...]


class TransactionStatus(msgspec.Struct, frozen=True):
    """GET /v1/transactions/{id}: state of an order, a slip code or an entry id at the HIS."""

    id: str
    state: str
    his_ref: str | None = None
    device: str | None = None
    seq: int | None = None


class HealthAnswer(msgspec.Struct, frozen=True):
    """GET /v1/health: the gateway's time; the answer itself says the way is open."""

    now: str
    software: str
