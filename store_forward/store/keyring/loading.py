"""The data key of a store, however it is kept: for core, sync and tools."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from store_forward.store.errors import KeyUnusable
from store_forward.store.keyring.envelope import (
    DataKey,
    Envelope,
    NotOpened,
    Role,
    TpmSeal,
    unseal,
)
from store_forward.store.keyring.files import envelope_of, read_envelope
from store_forward.store.keyring.fitting import opens, require_fit
from store_forward.store.keyring.machine import Machine
from store_forward.store.keys import StoreKey, load_key

PLAIN_KEY = "store.key"
"""In the key directory: the data key itself, for a developer's desk."""

MACHINE_KEY = "machine.key"
"""In the key directory: the machine's credential where there is no TPM."""


@dataclass(frozen=True, slots=True)
class Site:
    """One kiosk's keys: the store, the key directory, the kiosk's id."""

    store: Path
    keys: Path
    device: str

    @property
    def envelope(self) -> Path:
        """Where its envelope lies."""
        return envelope_of(self.store)


def load_store_key(
    store: Path, keys: Path, machine: Machine, device: str | None = None
) -> StoreKey:
    """The key of the store at this path: from the envelope beside it, or else a plain key file.

    ``keys`` is the key directory. Costs a second where a TPM has the key; ask once, at the start.

    Raises:
        KeyUnusable: there is none, this machine cannot open it, or it is not this store's.
        StoreUnavailable, StoreBusy: the store does not let itself be looked at.
    """
    path = envelope_of(store)
    if not path.exists():
        plain = load_key(keys / PLAIN_KEY)
        require_fit(keys / PLAIN_KEY, store, plain)
        return plain
    _, found = open_envelope(path, machine, device)
    key = fitting_key(store, found)
    require_fit(path, store, key)
    return key


def is_sealed_to_tpm(store: Path) -> bool:
    """Whether the key of this store is kept by a TPM. Raises KeyUnusable."""
    path = envelope_of(store)
    return path.exists() and isinstance(read_envelope(path).machine, TpmSeal)


def open_envelope(
    path: Path, machine: Machine, device: str | None = None
) -> tuple[Envelope, tuple[DataKey, ...]]:
    """Read an envelope and unwrap it by this machine. Raises KeyUnusable."""
    envelope = read_envelope(path, device)
    return envelope, unseal_of(path, envelope, machine.unwrap(envelope.machine))


def unseal_of(path: Path, envelope: Envelope, ring_key: bytes) -> tuple[DataKey, ...]:
    """The keys of the envelope at ``path``. Raises KeyUnusable."""
    try:
        return unseal(envelope, ring_key)
    except NotOpened as fault:
        raise KeyUnusable(
            path,
            f"the key envelope does not open ({fault}): someone changed it, or the unwrapped key "
            "is that of another envelope",
            "Put back the copy you keep of it",
        ) from fault


def fitting_key(store: Path, found: tuple[DataKey, ...]) -> StoreKey:
    """The key that opens the store now; the others hang on it.

    While a rotation is under way it may be the current one or the next.
    """
    chosen, following = current_of(found), next_of(found)
    if following is not None and not opens(store, chosen.key) and opens(store, following.key):
        chosen = following
    former = tuple(one.key.hex_digits for one in found if one is not chosen)
    return StoreKey(chosen.key.hex_digits, former)


def current_of(found: tuple[DataKey, ...]) -> DataKey:
    """The current key; every envelope has one."""
    return next(one for one in found if one.note.role is Role.CURRENT)


def next_of(found: tuple[DataKey, ...]) -> DataKey | None:
    """The key that a rotation under way leads to; None where there is none."""
    return next((one for one in found if one.note.role is Role.NEXT), None)
