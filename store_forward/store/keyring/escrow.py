"""The hospital's escrow key: RSA, so that a smart card or an offline PC can hold it.

RSAES-OAEP with SHA-256 for both hashes (RFC 8017, 7.1) and without a label, which cards do not
take. ``openssl pkeyutl -decrypt`` and PKCS#11 tools open what is wrapped here. Both halves fit
sealed files (``contract.sealed``), so a hospital keeps one key for envelopes and backups.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from store_forward.contract.keys import NO_KEY, BadKeyFile, require_private
from store_forward.store.errors import KeyUnusable
from store_forward.store.keyring.envelope import KEY_BYTES, EscrowSeal

SMALLEST_BITS = 3072
"""128 bits of strength (NIST SP 800-57 part 1, table 2): what is wrapped must last for years."""

LARGEST_BITS = 8192
EXPONENT = 65_537
"""What every tool takes (NIST SP 800-56B, 6.2: odd, at least this)."""

_KEY_ID_DIGITS = 16
_SMALL_PRIMES = math.prod(
    number
    for number in range(2, 752)
    if all(number % divisor for divisor in range(2, math.isqrt(number) + 1))
)
"""No modulus has a factor below 752 (NIST SP 800-89, 5.3.3); of damaged ones four in five have."""

_LONGEST_FILE = 64 * 1024
_MAKE = (
    "Take another copy from the hospital; where there is no key yet, make one: "
    "openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:4096 -out escrow.pem"
)


class Unfit(ValueError):
    """A public key that nothing must be wrapped for. Says why."""


class NotUnwrapped(ValueError):
    """This private key does not open what was wrapped."""


class EscrowKey:
    """The hospital's public key."""

    def __init__(self, public: rsa.RSAPublicKey) -> None:
        self._public = public
        self.der = public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key_id = "rsa-" + hashlib.sha256(self.der).hexdigest()[:_KEY_ID_DIGITS]
        self.bits = public.key_size

    @classmethod
    def load(cls, path: Path) -> EscrowKey:
        """Read a public key in PEM form. Raises KeyUnusable."""
        data = _read(path)
        if b"PRIVATE KEY" in data:
            raise KeyUnusable(
                path,
                "this is a private key; the kiosk must only ever see the public one",
                "Take it away, and make the public one on the hospital's machine: "
                "openssl pkey -in escrow.pem -pubout -out escrow-public.pem",
            )
        try:
            return cls.of_key(serialization.load_pem_public_key(data))
        except Unfit as fault:
            raise KeyUnusable(path, f"no escrow public key: {fault}", _MAKE) from fault
        except NO_KEY as fault:
            raise KeyUnusable(
                path, "no escrow public key in PEM form, or a damaged one", _MAKE
            ) from fault

    @classmethod
    def of_der(cls, der: bytes) -> EscrowKey:
        """The key that an envelope carries. Raises ValueError."""
        return cls.of_key(serialization.load_der_public_key(der))

    @classmethod
    def of_key(cls, public: object) -> EscrowKey:
        """Take a key if it is fit. Raises Unfit."""
        if not isinstance(public, rsa.RSAPublicKey):
            raise Unfit("it must be an RSA key")
        if not SMALLEST_BITS <= public.key_size <= LARGEST_BITS:
            raise Unfit(f"{public.key_size} bits; it must have at least {SMALLEST_BITS}")
        numbers = public.public_numbers()
        if numbers.e != EXPONENT or math.gcd(numbers.n, _SMALL_PRIMES) != 1:
            raise Unfit("it is damaged: no key is made with such numbers")
        return cls(public)

    def wrap_secret(self, secret: bytes) -> bytes:
        """Wrap 32 secret bytes for the hospital."""
        return self._public.encrypt(secret, _oaep())

    def seal(self, secret: bytes) -> EscrowSeal:
        """The same as it stands in an envelope."""
        return EscrowSeal(self.key_id, self.der, self.wrap_secret(secret))


class EscrowPrivateKey:
    """The hospital's private key, for a recovery."""

    def __init__(self, private: rsa.RSAPrivateKey) -> None:
        self._private = private
        self.public = EscrowKey(private.public_key())
        self.key_id = self.public.key_id

    def unwrap_secret(self, wrapped: bytes) -> bytes:
        """Return what was wrapped. Raises ValueError when it was not for this key."""
        secret = self._private.decrypt(wrapped, _oaep())
        if len(secret) != KEY_BYTES:
            raise ValueError("what it holds is no key")
        return secret

    def open(self, seal: EscrowSeal) -> bytes:
        """What an envelope holds for the hospital. Raises NotUnwrapped."""
        if self.key_id != seal.key_id:
            raise NotUnwrapped(f"it was wrapped for escrow key {seal.key_id}, not {self.key_id}")
        try:
            return self.unwrap_secret(seal.wrapped)
        except ValueError as fault:
            raise NotUnwrapped("the escrow key does not open it") from fault


def load_escrow_private(path: Path) -> EscrowPrivateKey:
    """Read the hospital's private key (PEM without a passphrase, mode 0600).

    Raises KeyUnusable.
    """
    try:
        require_private(path)
    except BadKeyFile as fault:
        raise KeyUnusable(path, "the escrow key must not be used so", str(fault)) from fault
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except TypeError as fault:
        raise KeyUnusable(
            path,
            "the escrow key has a passphrase",
            "Open it on the hospital's machine and give what it unwraps (--unwrapped), or a copy "
            "without passphrase on a disk that is destroyed afterwards",
        ) from fault
    except NO_KEY as fault:
        raise KeyUnusable(
            path,
            "no private key in PEM form, or a damaged one",
            "Give the hospital's escrow key, or another copy of it",
        ) from fault
    if not isinstance(key, rsa.RSAPrivateKey):
        raise KeyUnusable(path, "not an RSA key", "Give the hospital's escrow key")
    return EscrowPrivateKey(key)


def _oaep() -> padding.OAEP:
    return padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_FILE)
    except OSError as error:
        raise KeyUnusable(
            path, f"the escrow key cannot be read ({error.strerror})", "Name the right file"
        ) from error
