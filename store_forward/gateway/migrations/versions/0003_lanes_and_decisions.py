"""Entries come lane by lane, what a kiosk cannot hand over is known, and people decide about it

Receipts of the first contract, one range each, stay as history. Provisional numbers recorded so
far belong to no journal by name.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

GENESIS = "0" * 64
COLUMNS = ("device", "incarnation", "seq", "hash", "previous_hash")


def upgrade() -> None:
    with op.batch_alter_table("stream") as stream:
        stream.add_column(sa.Column("fenced_at", sa.Text()))
        stream.add_column(sa.Column("fenced_seq", sa.BigInteger()))
    _remember_previous_hashes()
    with op.batch_alter_table("open_case") as open_case:
        open_case.add_column(sa.Column("incarnation", sa.Text()))
        open_case.add_column(sa.Column("seq", sa.BigInteger()))
        open_case.add_column(sa.Column("closed_at", sa.Text()))
        open_case.create_index("ix_open_case_device_seq", ["device", "incarnation", "seq"])
    _key_provisional_numbers_by_journal()
    _key_receipts_by_what_they_say()
    _add_tables()


def _key_receipts_by_what_they_say() -> None:
    known = op.get_bind().execute(sa.text("SELECT * FROM batch"))
    rows = [{**row, "said_hash": f"first contract {row['batch_id']}"} for row in known.mappings()]
    op.drop_table("batch")
    op.create_table(
        "batch",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Text(), nullable=False),
        sa.Column("said_hash", sa.Text(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.Text(), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("device", "incarnation", "said_hash", name=op.f("pk_batch")),
        sa.UniqueConstraint("device", "batch_id", name=op.f("uq_batch_device")),
    )
    if rows:  # as they are: bytes by any other type would not be the same receipt
        names = tuple(rows[0])
        values = ", ".join(f":{name}" for name in names)
        statement = f"INSERT INTO batch ({', '.join(names)}) VALUES ({values})"  # noqa: S608
        op.get_bind().execute(sa.text(statement), rows)


def _remember_previous_hashes() -> None:
    """Journals so far have no gaps: before an entry stands the one whose seq is one less."""
    with op.batch_alter_table("inbox") as inbox:
        inbox.add_column(
            sa.Column("previous_hash", sa.Text(), nullable=False, server_default=GENESIS)
        )
    inbox_now = sa.table("inbox", *map(sa.column, COLUMNS))
    earlier = inbox_now.alias("earlier")
    before = sa.select(earlier.c.hash).where(
        earlier.c.device == inbox_now.c.device,
        earlier.c.incarnation == inbox_now.c.incarnation,
        earlier.c.seq == inbox_now.c.seq - 1,
    )
    op.execute(
        inbox_now.update().values(previous_hash=sa.func.coalesce(before.scalar_subquery(), GENESIS))
    )
    with op.batch_alter_table("inbox") as inbox:
        inbox.alter_column("previous_hash", server_default=None)


def _key_provisional_numbers_by_journal() -> None:
    columns = [
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Text(), nullable=False),
        sa.Column("provisional_number", sa.Text(), nullable=False),
        sa.Column("patient_number", sa.Text(), nullable=False),
    ]
    known = op.get_bind().execute(
        sa.text("SELECT device, provisional_number, patient_number FROM crosswalk")
    )
    rows = [{**row, "incarnation": ""} for row in known.mappings()]
    op.drop_table("crosswalk")
    crosswalk = op.create_table(
        "crosswalk",
        *columns,
        sa.PrimaryKeyConstraint(
            "device", "incarnation", "provisional_number", name=op.f("pk_crosswalk")
        ),
    )
    op.bulk_insert(crosswalk, rows)


def _add_tables() -> None:
    op.create_table(
        "withheld",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device", "incarnation", "seq", name=op.f("pk_withheld")),
    )
    op.create_index("ix_withheld_device_entry_id", "withheld", ["device", "entry_id"])
    op.create_table(
        "resolution",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("incarnation", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("device", "number", name=op.f("pk_resolution")),
    )
    op.create_index("ix_resolution_device_case_id", "resolution", ["device", "case_id"])
