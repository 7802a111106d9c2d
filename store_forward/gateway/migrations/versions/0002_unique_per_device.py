"""Unique constraints begin with the device, so that rows can be distributed by it

A database that spreads rows over several servers by their device (Citus) can only keep a value
unique together with the device. References and receipts name theirs anyway. Leased slots get an
index: every lease request looks for those that ran out, among the slots of all days.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("batch") as batch:
        batch.drop_constraint("uq_batch_batch_id", type_="unique")
        batch.create_unique_constraint("uq_batch_device", ["device", "batch_id"])
    with op.batch_alter_table("registration") as registration:
        registration.drop_constraint("uq_registration_his_ref", type_="unique")
        registration.create_unique_constraint("uq_registration_device", ["device", "his_ref"])
    op.create_index("ix_slot_state", "slot", ["state"])
