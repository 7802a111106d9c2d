"""The tables of the current schema and the steps that lead to it.

A step, once released, never changes: stores in the field have run it. Change the schema by
appending a step. Only the migration imports this module (it needs sqlite-utils).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Step = Callable[[Any], None]
"""Takes a ``sqlite_utils.Database`` inside an open transaction."""


def create_journal(db: Any) -> None:
    """Version 1: journal, outbox, allotments, reference data, status."""
    _table(db, "identity", {"device": str, "incarnation": str}, pk=None)
    _table(
        db, "event", {"seq": int, "kind": str, "lane": str, "body": bytes, "hash": bytes}, pk="seq"
    )
    _table(
        db,
        "slot_sale",
        {"seq": int, "slot_id": str, "order_id": str, "freed_by": int},
        pk="seq",
        optional={"freed_by"},
    )
    # A slot is sold at most once at a time, whatever the code above does.
    db.execute("CREATE UNIQUE INDEX slot_sold ON slot_sale (slot_id) WHERE freed_by IS NULL")
    db["slot_sale"].create_index(["order_id"], "order_sold", unique=True)
    _table(db, "stream", {"name": str, "acked_seq": int}, pk="name")
    db["stream"].insert({"name": "gateway", "acked_seq": 0})
    _table(db, "receipt", {"batch_id": str, "last_seq": int, "body": bytes}, pk="batch_id")
    _table(
        db,
        "exception",
        {"seq": int, "state": str, "code": str, "his_ref": str, "retryable": int},
        pk="seq",
        optional={"code", "his_ref"},
    )
    _table(db, "slot_lease", {"slot_id": str, "fencing": int, "body": bytes}, pk="slot_id")
    _table(db, "reference", {"set": str, "key": str, "record": bytes}, pk=("set", "key"))
    _table(
        db,
        "reference_cursor",
        {"set": str, "cursor": str, "as_of": str},
        pk="set",
        optional={"as_of"},
    )
    _table(db, "status", {"name": str, "body": bytes}, pk="name")
    for table in ("event", "receipt"):
        _forbid_changes(db, table)


def hand_over_by_lane(db: Any) -> None:
    """Version 2: entries go out lane by lane; people at the HIS decide about exceptions."""
    _table(db, "ahead", {"first_seq": int, "last_seq": int}, pk="first_seq")
    db["exception"].add_column("attempts", int, not_null_default=0)
    db["exception"].add_column("reported", int, not_null_default=0)
    _table(
        db, "resolution", {"number": int, "seq": int, "verdict": str, "body": bytes}, pk="number"
    )
    _forbid_changes(db, "resolution")


def add_anchor(db: Any) -> None:
    """Version 3: places of the chain that are known though the entry itself is not here.

    ``seq`` and ``hash`` are those of the entry, ``reason`` a machine word for why it is not:
    below the first kept entry, or before a gap that cannot be filled.
    """
    _table(db, "anchor", {"seq": int, "hash": bytes, "reason": str}, pk="seq")


_MARK = "ifnull((SELECT max(seq) FROM purge), 0)"
_ACKED = "ifnull((SELECT acked_seq FROM stream WHERE name = 'gateway'), 0)"


def allow_purges(db: Any) -> None:
    """Version 4: signed checkpoints, and a way for what is old and acknowledged to go.

    Journal and receipts stay append-only but for rows up to a purge's mark, and never beyond what
    is acknowledged.
    """
    _table(db, "checkpoint", {"seq": int, "body": bytes}, pk="seq")
    _table(db, "purge", {"seq": int, "made_at": str}, pk="seq")
    for table, column in (("event", "seq"), ("receipt", "last_seq")):
        db.execute(f"DROP TRIGGER {table}_no_delete")
        is_kept = f"OLD.{column} > min({_MARK}, {_ACKED})"
        db.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} WHEN {is_kept} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def index_cases(db: Any) -> None:
    """Version 5: what a kiosk records because a person must look is found without reading the
    journal. Other kinds of entries are not in the index and cost nothing."""
    db.execute(
        "CREATE INDEX event_case ON event (seq) "
        "WHERE kind IN ('case_opened', 'entries_lost', 'journal_replaced')"
    )


STEPS: tuple[Step, ...] = (
    create_journal,
    hand_over_by_lane,
    add_anchor,
    allow_purges,
    index_cases,
)
"""Step i leads from ``user_version`` i to i + 1."""


def _table(
    db: Any,
    name: str,
    columns: dict[str, type],
    pk: str | tuple[str, ...] | None,
    optional: frozenset[str] | set[str] = frozenset(),
) -> None:
    required = [column for column in columns if column not in optional and column != pk]
    db.create_table(name, columns, pk=pk, not_null=required, strict=True)


def _forbid_changes(db: Any, table: str) -> None:
    for change in ("UPDATE", "DELETE"):
        db.execute(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
