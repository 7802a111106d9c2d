"""A start of a kiosk's store, as core does it."""

from __future__ import annotations

from pathlib import Path

from store_forward.store import Store
from tests.crash.workloads.enqueue import STORE
from tests.unit.store.builders import DEVICE, KEY


def boot(folder: Path) -> Store:
    """Open the store of this folder, recovery included."""
    return Store.open(folder / STORE, KEY, device=DEVICE, create=True)
