"""Signed statements of a kiosk: at this entry my journal's chain stood at this hash."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Checkpoint(msgspec.Struct, frozen=True, tag="checkpoint", tag_field="type"):
    """``hash`` is the chain hash of entry ``seq``, in hex.

    ``boot`` names the run of core that made it, ``counter`` what the machine's monotonic counter
    stood at (None without one), ``made_at`` the time by the kiosk's clock, RFC 3339 UTC.
    ``signature`` is Ed25519 (base64) by the device's key ``key_id`` (``sealed.signer_text``) over
    ``checkpoint_bytes``.
    """

    device: str
    incarnation: str
    seq: int
    hash: str
    boot: str
    counter: int | None
    made_at: str
    key_id: str
    signature: str = ""


def checkpoint_bytes(checkpoint: Checkpoint) -> bytes:
    """The signed bytes: sorted compact JSON with an empty signature, as of a receipt."""
    unsigned = msgspec.structs.replace(checkpoint, signature="")
    return msgspec.json.encode(unsigned, order="sorted")


def sign_checkpoint(checkpoint: Checkpoint, sign: Callable[[bytes], bytes]) -> Checkpoint:
    """Return the statement with its signature filled in."""
    signature = base64.b64encode(sign(checkpoint_bytes(checkpoint))).decode()
    return msgspec.structs.replace(checkpoint, signature=signature)


def verify_checkpoint(checkpoint: Checkpoint, key: Ed25519PublicKey) -> bool:
    """Whether the holder of this key signed exactly this statement."""
    try:
        signature = base64.b64decode(checkpoint.signature, validate=True)
        key.verify(signature, checkpoint_bytes(checkpoint))
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True
