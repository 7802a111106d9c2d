"""The gateway's receipt key, which countersigns what kiosks have to believe."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.marks import StreamMark
from store_forward.contract.resolutions import Resolution
from store_forward.contract.signing import countersign
from store_forward.contract.wire import Receipt

T = TypeVar("T", Receipt, StreamMark, Resolution)


class Signatory:
    """Signs with one key. ``key_id`` names it, for the day it is followed by another."""

    def __init__(self, key: Ed25519PrivateKey, key_id: str) -> None:
        self._key = key
        self._key_id = key_id

    def sign(self, told: T) -> T:
        """Return it with the key's name and signature filled in."""
        return countersign(msgspec.structs.replace(told, key_id=self._key_id), self._key)
