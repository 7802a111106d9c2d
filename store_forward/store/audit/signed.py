"""Signed statements in a store, read as JSON, with none of the types that wrote them."""

from __future__ import annotations

import json
from typing import Any

from store_forward.store.audit.report import JournalReport, SignatureCheck
from store_forward.store.driver import Connection


def is_ours(
    report: JournalReport,
    name: str,
    told: dict[str, Any],
    is_signed: SignatureCheck | None,
    signer: str,
) -> bool:
    """Whether a statement is about this journal and signed, as far as that can be checked."""
    if (told["device"], told["incarnation"]) != (report.device, report.incarnation):
        report.note(f"{name} belongs to another kiosk or incarnation")
        return False
    unsigned = json.dumps(
        {**told, "signature": ""}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    if is_signed is not None and not is_signed(told["signature"], unsigned.encode()):
        report.note(f"{name} is not signed by {signer}")
        return False
    return True


def has_table(connection: Connection, name: str) -> bool:
    """Whether the store is of a schema that has this table."""
    return bool(
        connection.rows("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (name,))
    )
