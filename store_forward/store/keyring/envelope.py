"""The key envelope: data keys sealed under a ring key, and the ring key wrapped. Pure.

The file is one line of JSON in one form only: ``{"body": …, "sha256": …}``. The digest tells a
damaged file from a foreign one without asking the machine. Whoever changes the file and its digest
is found out by the seal: the ring key authenticates every field of the body.

Each envelope has a ring key of its own, so writing one anew renews all wrappings at once.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from store_forward.store.keys import StoreKey

VERSION = 1
KEY_BYTES = 32
NONCE_BYTES = 12
"""Of AES-GCM (NIST SP 800-38D, 8.2.2: random, and no ring key seals twice)."""

LONGEST_FILE = 64 * 1024
_INFO = b"outpost key envelope 1"
_ID_BYTES = 8


class Role(StrEnum):
    """What a data key is for.

    NEXT stands beside CURRENT while the store is being rekeyed: one of the two opens it. RETIRED
    ones open what was sealed before: segments of the mirror, files set aside.
    """

    CURRENT = "current"
    NEXT = "next"
    RETIRED = "retired"


class KeyNote(msgspec.Struct, frozen=True):
    """What the envelope says openly of a data key. ``made_at`` is UTC, by the kiosk's clock."""

    id: str
    role: Role
    made_at: str


@dataclass(frozen=True, slots=True, repr=False)
class DataKey:
    """A data key with what is said of it. Its repr shows no key."""

    note: KeyNote
    key: StoreKey

    def __repr__(self) -> str:
        return f"DataKey({self.note.id}, {self.note.role})"


class TpmSeal(msgspec.Struct, frozen=True, tag="tpm2"):
    """The ring key as an object of this machine's TPM, opened only in a certain boot state.

    ``pcrs`` is the selection (``sha256:7``) and ``digests`` what each register held at sealing;
    ``public`` and ``private`` are the object's two halves, useless without its TPM.
    """

    pcrs: str
    digests: dict[str, str]
    public: bytes
    private: bytes


class CredentialSeal(msgspec.Struct, frozen=True, tag="credential"):
    """The ring key under a key file of the machine, where there is no TPM."""

    key_id: str
    nonce: bytes
    sealed: bytes


MachineSeal = TpmSeal | CredentialSeal


class EscrowSeal(msgspec.Struct, frozen=True):
    """The ring key under the hospital's public key; ``public`` is DER, to wrap the next one."""

    key_id: str
    public: bytes
    wrapped: bytes


class Envelope(msgspec.Struct, frozen=True):
    """What stands in the file. ``sealed`` holds the keys named in ``keys``, in that order."""

    version: int
    device: str
    made_at: str
    keys: tuple[KeyNote, ...]
    machine: MachineSeal
    escrow: EscrowSeal | None
    nonce: bytes
    sealed: bytes

    def note(self, role: Role) -> KeyNote | None:
        """The key of this role; None where there is none."""
        return next((one for one in self.keys if one.role is role), None)


class _File(msgspec.Struct, frozen=True):
    body: msgspec.Raw
    sha256: str


class NotAnEnvelope(ValueError):
    """These bytes are no envelope as it was written. Says why."""


class TooNew(NotAnEnvelope):
    """A newer software version wrote it."""


class NotOpened(ValueError):
    """The ring key is not that of this envelope, or a field was changed by someone."""


def key_id(secret: bytes) -> str:
    """A name for a random 256-bit key that tells nothing of it."""
    return hashlib.sha256(b"outpost key id\0" + secret).digest()[:_ID_BYTES].hex()


def new_ring_key() -> bytes:
    """A fresh ring key."""
    return secrets.token_bytes(KEY_BYTES)


def new_data_key(role: Role, made_at: str) -> DataKey:
    """A fresh data key."""
    return described(StoreKey(secrets.token_hex(KEY_BYTES)), role, made_at)


def described(key: StoreKey, role: Role, made_at: str) -> DataKey:
    """A key with its note; keys of the store's past that hang on it are left out."""
    plain = StoreKey(key.hex_digits)
    return DataKey(KeyNote(key_id(bytes.fromhex(key.hex_digits)), role, made_at), plain)


def seal(
    device: str,
    made_at: str,
    keys: tuple[DataKey, ...],
    ring_key: bytes,
    machine: MachineSeal,
    escrow: EscrowSeal | None,
) -> Envelope:
    """Seal the keys under a ring key that was never used before."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    notes = tuple(one.note for one in keys)
    empty = Envelope(VERSION, device, made_at, notes, machine, escrow, nonce, b"")
    plain = b"".join(bytes.fromhex(one.key.hex_digits) for one in keys)
    sealed = _aead(ring_key).encrypt(nonce, plain, _encode(empty))
    return msgspec.structs.replace(empty, sealed=sealed)


def unseal(envelope: Envelope, ring_key: bytes) -> tuple[DataKey, ...]:
    """The data keys. Raises NotOpened."""
    open_part = _encode(msgspec.structs.replace(envelope, sealed=b""))
    try:
        plain = _aead(ring_key).decrypt(envelope.nonce, envelope.sealed, open_part)
    except (InvalidTag, ValueError) as error:
        raise NotOpened("its seal does not fit its content") from error
    if len(plain) != KEY_BYTES * len(envelope.keys):
        raise NotOpened("it does not hold the keys it names")
    raw = [plain[at : at + KEY_BYTES] for at in range(0, len(plain), KEY_BYTES)]
    return tuple(
        DataKey(note, StoreKey(secret.hex()))
        for note, secret in zip(envelope.keys, raw, strict=True)
    )


def encode(envelope: Envelope) -> bytes:
    """The bytes of the file."""
    body = _encode(envelope)
    return b'{"body":%s,"sha256":"%s"}\n' % (body, hashlib.sha256(body).hexdigest().encode())


def decode(data: bytes) -> Envelope:
    """Read the bytes of a file. Raises NotAnEnvelope, TooNew."""
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotAnEnvelope("it is not a key envelope, or it is damaged") from error
    body = bytes(file.body)
    if hashlib.sha256(body).hexdigest() != file.sha256:
        raise NotAnEnvelope("it is damaged: its digest does not fit its content")
    version = _version(body)
    if version > VERSION:
        raise TooNew(f"it has version {version}, this software knows {VERSION}")
    try:
        envelope = msgspec.json.decode(body, type=Envelope, strict=True)
    except msgspec.MsgspecError as error:
        raise NotAnEnvelope("it says what no envelope says") from error
    if encode(envelope) != data or envelope.note(Role.CURRENT) is None:
        raise NotAnEnvelope("it is damaged: this is not the form it was written in")
    return envelope


class _Versioned(msgspec.Struct):
    version: int


def _version(body: bytes) -> int:
    try:
        return msgspec.json.decode(body, type=_Versioned).version
    except msgspec.MsgspecError as error:
        raise NotAnEnvelope("it does not say its version") from error


def _aead(ring_key: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt=None, info=_INFO).derive(ring_key))


_encoder = msgspec.json.Encoder(order="sorted")


def _encode(envelope: Envelope) -> bytes:
    return _encoder.encode(envelope)
