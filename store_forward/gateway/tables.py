"""The gateway's tables.

What a kiosk caused is keyed by the kiosk first, unique constraints too, so that these tables can
be distributed by it; the others are small or hold what all kiosks share. Money is integer fen,
times are RFC 3339 UTC text: both are the same on SQLite and PostgreSQL.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _of_journal() -> tuple[Column[str], ...]:
    """One life of one kiosk's store, as the beginning of a key."""
    return (
        Column("device", Text, primary_key=True),
        Column("incarnation", Text, primary_key=True),
    )


def _of_entry() -> tuple[Column[Any], ...]:
    """One entry of a journal, as a key."""
    return (*_of_journal(), Column("seq", BigInteger, primary_key=True))


gateway = Table(
    "gateway",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Facts about this database: its ``epoch``, named in reference cursors."""

counter = Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Numbers given out: HIS references, patient numbers, versions of the reference sets."""

device = Table(
    "device",
    metadata,
    Column("device", Text, primary_key=True),
    Column("public_key", Text, nullable=False),
    Column("incarnation", Text),
    Column("enrolled_at", Text, nullable=False),
)
"""Kiosks ever enrolled, with the newest key: history, the folder ``enrolled/`` says who is now.
With ``incarnation`` set, only that life of the kiosk's store is believed."""

stream = Table(
    "stream",
    metadata,
    *_of_journal(),
    Column("high_water", BigInteger, nullable=False),
    Column("head_hash", Text, nullable=False),
    Column("fenced_at", Text),
    Column("fenced_seq", BigInteger),
)
"""How far each journal is recorded here without a gap. A fenced one has ended at ``fenced_seq``."""

inbox = Table(
    "inbox",
    metadata,
    *_of_entry(),
    Column("hash", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("body_hash", Text, nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("order_id", Text),
    Column("outcome", Text, nullable=False),
    Column("code", Text),
    Column("his_ref", Text),
    Column("batch_id", Text, nullable=False),
    Column("received_at", Text, nullable=False),
    Index("ix_inbox_device_entry_id", "device", "entry_id"),
    Index("ix_inbox_entry_id", "entry_id"),
    Index("ix_inbox_order_id", "order_id"),
)
"""Every journal entry ever received, byte for byte, with what became of it."""

withheld = Table(
    "withheld",
    metadata,
    *_of_entry(),
    Column("hash", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("reported_at", Text, nullable=False),
    Index("ix_withheld_device_entry_id", "device", "entry_id"),
)
"""Entries a kiosk holds parked, as it told; their content is not here. ``state``: ``parked``,
``resend``, ``settled``, ``withdrawn``, or ``delivered`` when the entry came after all."""

lost_range = Table(
    "lost_range",
    metadata,
    *_of_journal(),
    Column("first_seq", BigInteger, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
    Column("told_seq", BigInteger, nullable=False),
    Column("told_at", Text, nullable=False),
    UniqueConstraint("device", "incarnation", "last_seq"),
    CheckConstraint("first_seq <= last_seq", name="ascends"),
)
"""Entries that were not here when the kiosk told, in its entry ``told_seq``, that it has them no
more: the mark moves over them. The ranges of a journal do not overlap."""

batch = Table(
    "batch",
    metadata,
    *_of_journal(),
    Column("said_hash", Text, primary_key=True),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("batch_id", Text, nullable=False),
    Column("received_at", Text, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    UniqueConstraint("device", "batch_id"),
)
"""Receipts given, so that the same batch gets the same receipt again while that is still the
whole truth. ``said_hash``: SHA-256 of the spans and the acknowledged seq."""

registration = Table(
    "registration",
    metadata,
    Column("device", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    Column("his_ref", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("review_code", Text),
    Column("patient_number", Text, nullable=False),
    Column("department_code", Text, nullable=False),
    Column("doctor_code", Text, nullable=False),
    Column("slot_id", Text, nullable=False),
    Column("slot_number", Integer, nullable=False),
    Column("business_date", Text, nullable=False),
    Column("fee_fen", BigInteger, nullable=False),
    Column("offline", Integer, nullable=False),
    Column("slip_code", Text),
    Column("owed_fen", BigInteger, nullable=False),
    UniqueConstraint("device", "his_ref"),
    Index("ix_registration_order_id", "order_id"),
    Index("ix_registration_slip_code", "slip_code"),
)
"""The HIS row of a same-day registration."""

patient = Table(
    "patient",
    metadata,
    Column("id_type", Text, primary_key=True),
    Column("id_number", Text, primary_key=True),
    Column("patient_number", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("verified", Integer, nullable=False),
)
"""The HIS's patients. An unverified one has ``id_type`` ``provisional``: a person merges it."""

crosswalk = Table(
    "crosswalk",
    metadata,
    *_of_journal(),
    Column("provisional_number", Text, primary_key=True),
    Column("patient_number", Text, nullable=False),
)
"""Which patient a kiosk's provisional number meant: a new journal counts from 1 again."""

note = Table(
    "note",
    metadata,
    Column("device", Text, primary_key=True),
    Column("note_id", Text, primary_key=True),
    Column("amount_fen", BigInteger, nullable=False),
)
"""Notes credited: each once, for ever."""

posting = Table(
    "posting",
    metadata,
    *_of_entry(),
    Column("line", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Index("ix_posting_account", "account"),
)
"""The ledger: debit positive, credit negative; the lines of one entry sum to zero."""

open_case = Table(
    "open_case",
    metadata,
    Column("device", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("order_id", Text),
    Column("reason", Text, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("slip_code", Text),
    Column("origin", Text, nullable=False),
    Column("opened_at", Text, nullable=False),
    Column("incarnation", Text),
    Column("seq", BigInteger),
    Column("closed_at", Text),
    Index("ix_open_case_slip_code", "slip_code"),
    Index("ix_open_case_device_seq", "device", "incarnation", "seq"),
)
"""What a person must look at, and the entry it is about. ``origin``: ``kiosk`` or ``gateway``."""

resolution = Table(
    "resolution",
    metadata,
    Column("device", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("incarnation", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_resolution_device_case_id", "device", "case_id"),
)
"""What people decided about entries, as countersigned for the kiosk."""

alarm = Table(
    "alarm",
    metadata,
    Column("device", Text, primary_key=True),
    Column("alarm_id", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("raised_at", Text, nullable=False),
)
"""Contradictions that must not happen: a rewritten journal, a cloned disk."""

slot = Table(
    "slot",
    metadata,
    Column("slot_id", Text, primary_key=True),
    Column("schedule_code", Text, nullable=False),
    Column("doctor_code", Text, nullable=False),
    Column("date", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("start", Text, nullable=False),
    Column("end", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("fencing", BigInteger, nullable=False),
    Column("device", Text),
    Column("lease_id", Text),
    Column("expires_at", Text),
    Column("order_id", Text),
    CheckConstraint("state IN ('free', 'leased', 'sold')", name="state"),
    CheckConstraint("(state = 'sold') = (order_id IS NOT NULL)", name="sold_to_an_order"),
    CheckConstraint("state <> 'leased' OR lease_id IS NOT NULL", name="leased_to_a_kiosk"),
    Index("ix_slot_schedule_code", "schedule_code"),
    Index("ix_slot_date", "date", "state"),
    Index("ix_slot_state", "state"),
)
"""Every slot (号源) has one row and one state: sold plus leased can never pass capacity."""

lease_request = Table(
    "lease_request",
    metadata,
    Column("device", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Column("wanted_per_doctor", Integer, nullable=False),
    Column("received_at", Text, nullable=False),
)
"""Lease requests already carried out."""

reference = Table(
    "reference",
    metadata,
    Column("set", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("record", LargeBinary),
    Index("ix_reference_set_version", "set", "version"),
)
"""Reference records as sent to kiosks; ``record`` NULL is a tombstone."""
