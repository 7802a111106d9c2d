"""The kiosk whose store is tried, and a start of it as core does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from store_forward.store import Role, Store, StoreKey
from tests.unit.store.builders import DEVICE, KEY

STORE = "store.db"


@dataclass(frozen=True)
class Kiosk:
    """Whose store it is and which key opens it."""

    device: str = DEVICE
    key: StoreKey = KEY

    def key_in(self, folder: Path) -> StoreKey:
        """The key of the store in this folder."""
        return self.key

    def boot(self, folder: Path) -> Store:
        """Open the store of this folder as core does when it starts, recovery included."""
        return Store.open(folder / STORE, self.key_in(folder), device=self.device, create=True)

    def open_as_guest(self, folder: Path) -> Store:
        """Open it as sync does."""
        key = self.key_in(folder)
        return Store.open(folder / STORE, key, device=self.device, role=Role.GUEST)


KIOSK = Kiosk()
