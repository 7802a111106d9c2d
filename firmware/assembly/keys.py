"""What opens the store on this machine: TPM, machine credential, or a plain key file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from firmware.config.model import Deployment

if TYPE_CHECKING:
    from store_forward.store.keyring.machine import Machine, Wrapper
    from store_forward.store.keys import StoreKey
    from store_forward.store.recovery.counter import Counter


def store_key_of(deployment: Deployment) -> StoreKey:
    """The key of this kiosk's store, from its envelope or from a plain key file.

    Raises KeyUnusable.
    """
    from store_forward.store.keyring.loading import MACHINE_KEY, load_store_key

    keys = Path(deployment.paths.keys)
    store = Path(deployment.paths.state) / "store.db"
    return load_store_key(store, keys, machine_of(keys / MACHINE_KEY), deployment.kiosk.id)


def key_of_file(store: Path, key: Path) -> StoreKey:
    """The key in a plain file; where that is missing, from the envelope beside the store.

    Raises KeyUnusable.
    """
    from store_forward.store.keyring.files import envelope_of
    from store_forward.store.keyring.fitting import require_fit
    from store_forward.store.keyring.loading import MACHINE_KEY, load_store_key
    from store_forward.store.keys import load_key

    if key.exists() or not envelope_of(store).exists():
        plain = load_key(key)
        require_fit(key, store, plain)
        return plain
    return load_store_key(store, key.parent, machine_of(key.parent / MACHINE_KEY))


def machine_of(machine_key: Path) -> Machine:
    """What opens the envelope on this machine: its TPM, or a credential in ``machine_key``."""
    from store_forward.store.keyring.machine import Machine, MachineCredential
    from store_forward.store.keyring.tpm import TpmWrapper
    from store_forward.store.keyring.tpm_tools import TpmTools

    return Machine(TpmWrapper(TpmTools()), MachineCredential(machine_key))


def wrapper_of(name: str | None, pcrs: str, machine_key: Path) -> Wrapper:
    """What wraps a key for this machine: ``tpm``, ``credential``, or what there is."""
    from store_forward.store.keyring.machine import MachineCredential
    from store_forward.store.keyring.tpm import TpmWrapper
    from store_forward.store.keyring.tpm_tools import TpmTools

    tools = TpmTools()
    if name == "tpm" or (name is None and tools.is_there):
        return TpmWrapper(tools, pcrs)
    return MachineCredential(machine_key)


def counter_of(deployment: Deployment) -> Counter:
    """The machine's monotonic counter, where its TPM keeps the key; else none is touched."""
    from store_forward.store.keyring.loading import is_sealed_to_tpm
    from store_forward.store.recovery.counter import NoCounter

    if not is_sealed_to_tpm(Path(deployment.paths.state) / "store.db"):
        return NoCounter()
    from store_forward.store.boot_id import boot_id
    from store_forward.store.keyring.counter import TpmCounter
    from store_forward.store.keyring.tpm_tools import TpmTools

    return TpmCounter(TpmTools(), boot_id(), Path(deployment.paths.run) / "counter.boot")
