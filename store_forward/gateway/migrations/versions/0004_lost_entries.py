"""Entries that a kiosk has lost for good, as it told: the mark of its journal moves over them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lost_range",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Text(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("told_seq", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.Text(), nullable=False),
        sa.CheckConstraint("first_seq <= last_seq", name=op.f("ck_lost_range_ascends")),
        sa.PrimaryKeyConstraint("device", "incarnation", "first_seq", name=op.f("pk_lost_range")),
        sa.UniqueConstraint("device", "incarnation", "last_seq", name=op.f("uq_lost_range_device")),
    )
