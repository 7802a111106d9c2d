"""The gateway's receipt key: what signs all that kiosks believe."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.keys import kept_pair, load_private_key, private_pem, public_pem

PRIVATE = "receipt-key.pem"
PUBLIC = "gateway-receipt.pem"


def receipt_key(directory: Path) -> Ed25519PrivateKey:
    """The key in the gateway's directory, made if there is none; its public half lies beside.

    Raises BadKeyFile, OSError.
    """
    return kept_pair(
        directory / PRIVATE,
        directory / PUBLIC,
        make=lambda: private_pem(Ed25519PrivateKey.generate()),
        load=load_private_key,
        public_half=lambda key: public_pem(key.public_key()),
    )
