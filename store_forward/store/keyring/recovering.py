"""What the hospital's escrow key opens: a dead kiosk's envelope, by key file or by smart card."""

from __future__ import annotations

from pathlib import Path

from store_forward.contract.keys import BadKeyFile, require_private
from store_forward.store.errors import KeyUnusable
from store_forward.store.keyring.envelope import KEY_BYTES, EscrowSeal
from store_forward.store.keyring.escrow import NotUnwrapped, load_escrow_private
from store_forward.store.keyring.files import read_envelope
from store_forward.store.whole_file import whole_file


def by_private_key(envelope: Path, key_file: Path) -> bytes:
    """The ring key, opened by a private key file. Raises KeyUnusable."""
    private = load_escrow_private(key_file)
    try:
        return private.open(_seal_of(envelope))
    except NotUnwrapped as fault:
        raise KeyUnusable(
            key_file, f"it does not open {envelope}: {fault}", "Take the key it was wrapped for"
        ) from fault


def write_for_card(envelope: Path, out: Path) -> None:
    """Write what a smart card is to decrypt; it is no secret.

    Raises:
        KeyUnusable: the envelope is unfit or has no escrow.
        StoreError: there is a file of this name, or it cannot be written.
    """
    wrapped = _seal_of(envelope).wrapped
    with whole_file(out) as file:
        file.write(wrapped)


def by_card(envelope: Path, unwrapped: Path) -> bytes:
    """The ring key, as a smart card decrypted it into a file. Raises KeyUnusable."""
    _seal_of(envelope)
    try:
        require_private(unwrapped)
        with unwrapped.open("rb") as file:
            secret = file.read(KEY_BYTES + 1)
    except (BadKeyFile, OSError) as fault:
        raise KeyUnusable(
            unwrapped, f"what the card decrypted cannot be used ({fault})", "Decrypt it again"
        ) from fault
    if len(secret) != KEY_BYTES:
        raise KeyUnusable(
            unwrapped, f"it does not hold {KEY_BYTES} bytes", "Decrypt it again, as raw bytes"
        )
    return secret


def _seal_of(path: Path) -> EscrowSeal:
    envelope = read_envelope(path)
    if envelope.escrow is None:
        raise KeyUnusable(
            path,
            "this envelope was wrapped for no escrow key",
            "Only the machine it was made on can open it",
        )
    return envelope.escrow
