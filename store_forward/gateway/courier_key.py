"""The gateway's courier key: what kiosks seal their bundles for."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from store_forward.contract.keys import keep_public_half, require_kept, write_private
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
    path, public = directory / PRIVATE, directory / PUBLIC
    require_kept(path, public)
    if not path.exists():
        write_private(path, recipients_key_pem(X25519PrivateKey.generate()))
    key = load_recipients_key(path)
    keep_public_half(path, public, recipient_pem(key.recipient.public))
    return key
