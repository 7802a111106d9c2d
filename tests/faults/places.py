"""The store that exercises use, as core and as sync open it."""

from __future__ import annotations

from pathlib import Path

from store_forward.store import Role, Store
from tests.unit.store.builders import DEVICE, KEY

STORE = "store.db"
BEFORE = 6
"""Entries that are there before an exercise."""


def boot(folder: Path) -> Store:
    """Open the store as core does."""
    return Store.open(folder / STORE, KEY, device=DEVICE, create=True)


def guest(folder: Path) -> Store:
    """Open the store as sync does."""
    return Store.open(folder / STORE, KEY, device=DEVICE, role=Role.GUEST)
