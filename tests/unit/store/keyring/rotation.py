"""What is recorded for the power cuts of a rotation:
``python -m tests.unit.store.keyring.rotation WORKLOAD SEED FOLDER``.

The machine's key lies beside the folder: it is not on the disk that loses its power.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from store_forward.store import Store, StoreKey
from store_forward.store.keyring.changing import rotate, wrap
from store_forward.store.keyring.envelope import Role, described
from store_forward.store.keyring.loading import MACHINE_KEY, Site, load_store_key
from store_forward.store.keyring.machine import Machine, MachineCredential
from store_forward.store.keyring.rekeying import rekey
from store_forward.store.keyring.tpm import TpmWrapper
from store_forward.store.keyring.tpm_tools import TpmTools
from tests.crash.recording import NOTES
from tests.unit.store.builders import DEVICE, entries

FIRST = 30
MORE = 5
ROTATE, IMPATIENT = "rotate", "impatient"


def now() -> datetime:
    return datetime(2026, 7, 13, tzinfo=UTC)


def site_of(folder: Path) -> Site:
    return Site(folder / "store.db", folder.parent, DEVICE)


def machine_of(site: Site) -> tuple[Machine, MachineCredential]:
    credential = MachineCredential(site.keys / MACHINE_KEY)
    return Machine(TpmWrapper(TpmTools({}, site.keys / "no-tpm")), credential), credential


def key_of(site: Site) -> StoreKey:
    return load_store_key(site.store, site.keys, machine_of(site)[0], site.device)


def prepare(folder: Path) -> None:
    """A sealed kiosk with a journal."""
    folder.mkdir()
    site = site_of(folder)
    machine_key = site.keys / MACHINE_KEY
    machine_key.touch(mode=0o600)
    machine_key.write_text("4d" * 32)
    wrap(site, machine_of(site)[1], None, now)
    with Store.open(site.store, key_of(site), device=DEVICE, create=True) as store:
        store.journal.append(entries(FIRST))
    note(folder, FIRST)


def note(folder: Path, count: int) -> None:
    """So many entries are promised from now on."""
    descriptor = os.open(folder / NOTES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, b"%d\n" % count)
    os.close(descriptor)


def turn(folder: Path) -> None:
    """A new data key, entries under it, new wrappings."""
    site = site_of(folder)
    machine, credential = machine_of(site)
    rotate(site, machine, credential, now, data=True)
    with Store.open(site.store, key_of(site), device=DEVICE) as store:
        store.journal.append(entries(FIRST + MORE)[FIRST:])
    note(folder, FIRST + MORE)
    rotate(site, machine, credential, now)


def turn_impatiently(folder: Path) -> None:
    """The mistake: the envelope forgets the old key before the store has the new one."""
    site = site_of(folder)
    before = key_of(site)
    following = described(StoreKey("ef" * 32), Role.CURRENT, "2026-07-13T00:00:00Z")
    site.envelope.unlink()
    (site.keys / "store.key").touch(mode=0o600)
    (site.keys / "store.key").write_text(following.key.hex_digits)
    wrap_alone(site)
    with rekey(site.store, before) as change:
        change(following.key)


def wrap_alone(site: Site) -> None:
    """Wrap a key without asking whether it opens the store."""
    elsewhere = Site(site.keys / "elsewhere.db", site.keys, site.device)
    wrap(elsewhere, machine_of(site)[1], None, now)
    site.envelope.write_bytes(elsewhere.envelope.read_bytes())
    elsewhere.envelope.unlink()


WORKLOADS = {ROTATE: turn, IMPATIENT: turn_impatiently}

if __name__ == "__main__":
    WORKLOADS[sys.argv[1]](Path(sys.argv[3]))
