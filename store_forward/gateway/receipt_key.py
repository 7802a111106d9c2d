"""The gateway's receipt key: what signs all that kiosks believe."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.keys import (
    keep_public_half,
    load_private_key,
    private_pem,
    public_pem,
    require_kept,
    write_private,
)

PRIVATE = "receipt-key.pem"
PUBLIC = "gateway-receipt.pem"


def receipt_key(directory: Path) -> Ed25519PrivateKey:
    """The key in the gateway's directory, made if there is none; its public half lies beside.

    Raises BadKeyFile, OSError.
    """
    path, public = directory / PRIVATE, directory / PUBLIC
    require_kept(path, public)
    if not path.exists():
        write_private(path, private_pem(Ed25519PrivateKey.generate()))
    key = load_private_key(path)
    keep_public_half(path, public, public_pem(key.public_key()))
    return key
