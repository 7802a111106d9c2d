"""The hospital's escrow key as the lock of a backup."""

from __future__ import annotations

from pathlib import Path

from store_forward.store.errors import KeyUnusable
from store_forward.store.keyring.escrow import EscrowKey, EscrowPrivateKey, load_escrow_private
from store_forward.store.keyring.files import envelope_of, read_envelope


def escrow_lock(path: Path) -> EscrowKey:
    """The public escrow key in a file. Raises KeyUnusable."""
    return EscrowKey.load(path)


def escrow_lock_of(store: Path) -> EscrowKey:
    """The escrow key that the store's own key is wrapped for. Raises KeyUnusable."""
    path = envelope_of(store)
    if not path.exists():
        raise KeyUnusable(
            path,
            "there is no key envelope that names the hospital's escrow key",
            "Name its public key with --escrow, or wrap the store's key first (outpost keys wrap)",
        )
    seal = read_envelope(path).escrow
    if seal is None:
        raise KeyUnusable(
            path,
            "the key envelope was made without an escrow key",
            "Name the hospital's public key with --escrow",
        )
    return EscrowKey.of_der(seal.public)


def escrow_opener(path: Path) -> EscrowPrivateKey:
    """The private escrow key in a file. Raises KeyUnusable."""
    return load_escrow_private(path)
