"""A ballast that is enough for a session of the made-up clinic, and little on a tester's disk."""

from __future__ import annotations

from store_forward.store.room import Ballast
from store_forward.store.store import Store

SMALL_BALLAST = 2_000_000


def small_ballast(store: Store) -> Ballast:
    """The ballast beside this store."""
    return Ballast(store.path, SMALL_BALLAST)
