"""Statements both databases understand, though each dialect spells them in its own module."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert


def add_if_absent(table: Table) -> Insert:
    """An INSERT that leaves a row alone whose key is there, also one not yet committed.

    It waits for the other transaction and then does nothing, or inserts if that one failed.
    SQLAlchemy compiles PostgreSQL's construct for SQLite too, where the words are the same.
    """
    return insert(table).on_conflict_do_nothing()
