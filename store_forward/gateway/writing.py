"""Rows that nothing in the transaction reads before its end, written together."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Insert


class Writing:
    """Collects rows to be added to the tables of one transaction.

    Each statement goes to the database once, with all its rows. A row that contradicts a key is
    noticed then, and undoes the transaction as it would have at once.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._rows: dict[Insert, list[dict[str, Any]]] = {}

    def add(self, statement: Insert, row: dict[str, Any]) -> None:
        """Add this row at the end. ``statement`` must be one object each time."""
        self._rows.setdefault(statement, []).append(row)

    def finish(self) -> None:
        """Write what was collected."""
        rows, self._rows = self._rows, {}
        for statement, of_it in rows.items():
            self.connection.execute(statement, of_it)
