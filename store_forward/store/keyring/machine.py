"""The machine's part: what wraps the ring key so that only this machine opens it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from store_forward.store.errors import KeyUnusable
from store_forward.store.keyring.envelope import (
    KEY_BYTES,
    NONCE_BYTES,
    CredentialSeal,
    MachineSeal,
    TpmSeal,
    key_id,
)
from store_forward.store.keys import StoreKey, load_key

_INFO = b"outpost machine credential 1"


class Wrapper(Protocol):
    """Wraps a ring key for this machine."""

    def wrap(self, secret: bytes) -> MachineSeal:
        """Wrap 32 bytes. Raises KeyUnusable."""
        ...


class Tpm(Protocol):
    """Opens what this machine's TPM sealed."""

    def unwrap(self, seal: TpmSeal) -> bytes:
        """The 32 bytes. Raises KeyUnusable: another machine, another boot state, no TPM."""
        ...


class MachineCredential:
    """A key file of the machine, as systemd hands it over; where there is no TPM.

    It lies on the same machine as what it opens: it hides the data from a glance, no more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def wrap(self, secret: bytes) -> CredentialSeal:
        """See ``Wrapper``."""
        machine_key = self._load()
        nonce = secrets.token_bytes(NONCE_BYTES)
        return CredentialSeal(
            key_id(_raw(machine_key)), nonce, _aead(machine_key).encrypt(nonce, secret, None)
        )

    def unwrap(self, seal: CredentialSeal) -> bytes:
        """The 32 bytes. Raises KeyUnusable."""
        machine_key = self._load()
        own = key_id(_raw(machine_key))
        if own != seal.key_id:
            raise KeyUnusable(
                self._path,
                f"the machine key {own} is not {seal.key_id}, which the envelope asks for",
                "Hand over the right one, or open the envelope with the escrow key "
                "(outpost keys recover)",
            )
        try:
            secret = _aead(machine_key).decrypt(seal.nonce, seal.sealed, None)
        except (InvalidTag, ValueError) as error:
            raise KeyUnusable(
                self._path,
                "the machine key does not open the envelope, which was changed by someone",
                "Put back the copy you keep of the envelope",
            ) from error
        return secret

    def _load(self) -> StoreKey:
        return load_key(self._path, "machine key")


class Machine:
    """This machine, whichever way it keeps keys."""

    def __init__(self, tpm: Tpm, credential: MachineCredential) -> None:
        self._tpm = tpm
        self._credential = credential

    def unwrap(self, seal: MachineSeal) -> bytes:
        """The ring key of an envelope. Raises KeyUnusable."""
        if isinstance(seal, TpmSeal):
            return self._tpm.unwrap(seal)
        return self._credential.unwrap(seal)


def _raw(key: StoreKey) -> bytes:
    return bytes.fromhex(key.hex_digits)


def _aead(machine_key: StoreKey) -> AESGCM:
    derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=_INFO).derive(_raw(machine_key))
    return AESGCM(derived)
