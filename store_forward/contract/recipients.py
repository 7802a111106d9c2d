"""X25519 keys that sealed files are made for: the gateway's, for what comes by courier.

A secret is wrapped as 32 bytes of a public key made for it alone and the secret under
ChaCha20-Poly1305 with nonce 0; the key is HKDF-SHA256 (RFC 5869) of the X25519 secret (RFC 7748) of
both keys, salted with both public halves. Key files are PEM: PKCS#8, SubjectPublicKeyInfo.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from store_forward.contract.keys import NO_KEY, BadKeyFile, require_private

_PUBLIC_BYTES = 32
_INFO = b"outpost wrapped secret 1"
_NONCE = bytes(12)
"""Each key seals one secret only."""


class Recipient:
    """A public key that sealed files are made for."""

    def __init__(self, key: X25519PublicKey) -> None:
        self.public = key
        self.key_id = "x25519-" + hashlib.sha256(_raw(key)).hexdigest()[:16]

    def wrap_secret(self, secret: bytes) -> bytes:
        """Wrap a secret for the holder of the private key."""
        once = X25519PrivateKey.generate()
        public = _raw(once.public_key())
        return public + _cipher(once.exchange(self.public), public, self.public).encrypt(
            _NONCE, secret, None
        )


class RecipientsKey:
    """A private key that opens sealed files."""

    def __init__(self, key: X25519PrivateKey) -> None:
        self._key = key
        self.recipient = Recipient(key.public_key())
        self.key_id = self.recipient.key_id

    def unwrap_secret(self, wrapped: bytes) -> bytes:
        """Return what was wrapped. Raises ValueError when it was not for this key."""
        once = wrapped[:_PUBLIC_BYTES]
        shared = self._key.exchange(X25519PublicKey.from_public_bytes(once))
        try:
            aead = _cipher(shared, once, self._key.public_key())
            return aead.decrypt(_NONCE, wrapped[_PUBLIC_BYTES:], None)
        except InvalidTag as fault:
            raise ValueError("it was not wrapped for this key") from fault


def load_recipient(path: Path) -> Recipient:
    """Read the public key that files are sealed for. Raises BadKeyFile."""
    try:
        key = serialization.load_pem_public_key(_read(path))
    except NO_KEY as fault:
        raise BadKeyFile(
            f"{path} holds no public key in PEM form, or is damaged: {_FROM_GATEWAY}"
        ) from fault
    if not isinstance(key, X25519PublicKey):
        raise BadKeyFile(f"{path} holds another kind of key: an X25519 key is needed")
    return Recipient(key)


def load_recipients_key(path: Path) -> RecipientsKey:
    """Read the private key that opens sealed files.

    Raises BadKeyFile when it is missing, open to others, not ours or not such a key.
    """
    require_private(path)
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except NO_KEY as fault:
        raise BadKeyFile(
            f"{path} holds no unencrypted private key in PEM form, or is damaged: put back the "
            "copy you keep of it"
        ) from fault
    if not isinstance(key, X25519PrivateKey):
        raise BadKeyFile(f"{path} holds another kind of key: an X25519 key is needed")
    return RecipientsKey(key)


def recipients_key_pem(key: X25519PrivateKey) -> bytes:
    """PKCS#8 PEM of a private key, not encrypted: keep it in a file of mode 0600."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def recipient_pem(key: X25519PublicKey) -> bytes:
    """PEM of a public key."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _cipher(shared: bytes, once: bytes, recipient: X25519PublicKey) -> ChaCha20Poly1305:
    salt = once + _raw(recipient)
    return ChaCha20Poly1305(HKDF(SHA256(), 32, salt=salt, info=_INFO).derive(shared))


def _raw(key: X25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise BadKeyFile(f"{path} cannot be read ({fault.strerror}): put it there") from fault


_FROM_GATEWAY = "copy gateway-courier.pem from the gateway's directory again"
