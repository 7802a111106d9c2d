"""The gateway's courier key: what kiosks seal their bundles for."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from store_forward.contract.keys import kept_pair
from store_forward.contract.recipients import (
    RecipientsKey,
    load_recipients_key,
    recipient_pem,
    recipients_key_pem,
)

PRIVATE = "courier-key.pem"
PUBLIC = "gateway-courier.pem"


def courier_key(directory: Path) -> RecipientsKey:
    """The key in the gateway's directory, made if it is missing; its public half lies beside.

    Raises BadKeyFile, OSError.
    """
    return kept_pair(
        directory / PRIVATE,
        directory / PUBLIC,
        make=lambda: recipients_key_pem(X25519PrivateKey.generate()),
        load=load_recipients_key,
        public_half=lambda key: recipient_pem(key.recipient.public),
    )
