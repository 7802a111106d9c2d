"""The store gets another key, and its envelope other wrappings, between entries."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from store_forward.store import StoreKey
from store_forward.store.keyring.changing import rotate, wrap
from store_forward.store.keyring.loading import MACHINE_KEY, Site, load_store_key
from store_forward.store.keyring.machine import Machine, MachineCredential
from store_forward.store.keyring.tpm import TpmWrapper
from store_forward.store.keyring.tpm_tools import TpmTools
from tests.crash.kiosk import STORE, Kiosk
from tests.crash.notebook import Notebook
from tests.crash.workloads.enqueue import groups


@dataclass(frozen=True)
class SealedKiosk(Kiosk):
    """Its key lies beside the store, sealed to a machine without a TPM.

    The machine's key lies beside the folder: it is not on the disk that loses its power.
    """

    def site(self, folder: Path) -> Site:
        """Where everything lies."""
        machine_key = folder.parent / MACHINE_KEY
        if not machine_key.exists():
            machine_key.touch(mode=0o600)
            machine_key.write_text("4d" * 32)
        return Site(folder / STORE, folder.parent, self.device)

    def machine(self, folder: Path) -> tuple[Machine, MachineCredential]:
        """What opens the envelope, and what seals one."""
        keys = self.site(folder).keys
        credential = MachineCredential(keys / MACHINE_KEY)
        return Machine(TpmWrapper(TpmTools({}, keys / "no-tpm")), credential), credential

    def key_in(self, folder: Path) -> StoreKey:
        """See ``Kiosk``."""
        site = self.site(folder)
        return load_store_key(site.store, site.keys, self.machine(folder)[0], site.device)


SEALED = SealedKiosk()


def prepare(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """A sealed kiosk with a few entries."""
    wrap(SEALED.site(folder), SEALED.machine(folder)[1], None, _now)
    with SEALED.boot(folder) as store:
        for group in groups(rng, 1, 6):
            notebook.append(store.journal, group)


def run(folder: Path, rng: random.Random, notebook: Notebook) -> None:
    """A new data key twice, entries under each, and new wrappings alone."""
    machine, credential = SEALED.machine(folder)
    for first, data in ((1001, True), (2001, False), (3001, True)):
        rotate(SEALED.site(folder), machine, credential, _now, data=data)
        with SEALED.boot(folder) as store:
            for group in groups(rng, first, 3):
                notebook.append(store.journal, group)


def _now() -> datetime:
    return datetime(2026, 7, 13, tzinfo=UTC)
