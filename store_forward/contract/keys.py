"""Ed25519 key files: PEM, PKCS#8 for private keys, SubjectPublicKeyInfo for public keys."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from store_forward.contract.credentials import is_credential

K = TypeVar("K")

NO_KEY = (ValueError, TypeError, UnsupportedAlgorithm, InternalError)
"""What the library raises for bytes that are no key. A changed byte in the name of the algorithm
is one it does not support."""


class BadKeyFile(Exception):
    """A key file cannot be used. The message names the file, the fault and the remedy."""


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Read an Ed25519 private key (PKCS#8 PEM, not encrypted).

    Raises BadKeyFile when the file is missing, open to others, not ours or not such a key.
    """
    require_private(path)
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except NO_KEY as fault:
        raise BadKeyFile(
            f"{path} holds no unencrypted private key in PEM form, or is damaged: put back the "
            "copy you keep of it, or provision it again"
        ) from fault
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKeyFile(f"{path} holds another kind of key: an Ed25519 key is needed")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read an Ed25519 public key (PEM). Raises BadKeyFile."""
    try:
        return parse_public_key(_read(path))
    except ValueError as fault:
        raise BadKeyFile(f"{path}: {fault}") from fault


def parse_public_key(pem: bytes) -> Ed25519PublicKey:
    """Read a PEM public key. Raises ValueError when it is not an Ed25519 one."""
    try:
        key = serialization.load_pem_public_key(pem)
    except NO_KEY as fault:
        raise ValueError(
            "no public key in PEM form, or damaged: put it there again from where it was made"
        ) from fault
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("another kind of key: an Ed25519 public key is needed")
    return key


def private_pem(key: Ed25519PrivateKey) -> bytes:
    """PKCS#8 PEM of a private key, not encrypted: keep it in a file of mode 0600."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public_pem(key: Ed25519PublicKey) -> bytes:
    """PEM of a public key."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def kept_pair(
    private: Path,
    public: Path,
    *,
    make: Callable[[], bytes],
    load: Callable[[Path], K],
    public_half: Callable[[K], bytes],
) -> K:
    """The private key of a pair that is kept in two files; made if neither of them is there.

    A private key with a changed byte can still be a key: another one, which nobody believes. So
    the halves must fit. ``make`` returns a new private key as PEM, ``public_half`` the PEM of its
    other half.

    Raises BadKeyFile, OSError.
    """
    if not private.exists():
        if public.exists():
            raise BadKeyFile(
                f"{private} is missing, and {public} is there, its public half: put back the copy "
                "you keep of it; for a new pair, which each kiosk must be given, remove "
                "that one too"
            )
        write_private(private, make())
    key = load(private)
    pem = public_half(key)
    if not public.exists():
        write_private(public, pem)
    elif _read(public) != pem:
        raise BadKeyFile(
            f"{private} and {public} are not halves of one key: one of them is damaged or was "
            f"replaced. Put back the copy you keep of {private.name}; if that one is right, remove "
            f"{public.name}, which is then made anew"
        )
    return key


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read, whole or not at all.

    The name appears after the content is on the disk, so a power cut leaves no half key.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise BadKeyFile(f"{path} cannot be read ({fault.strerror}): provision it") from fault


def require_private(path: Path) -> None:
    """Raise BadKeyFile unless the file is ours and closed to all others, or a credential."""
    try:
        status = path.stat()
    except OSError as fault:
        raise BadKeyFile(f"{path} cannot be read ({fault.strerror}): provision it") from fault
    if is_credential(path, status):
        return
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BadKeyFile(f"{path} is open to other users: run chmod 600 on it")
    if status.st_uid != os.geteuid():
        raise BadKeyFile(f"{path} belongs to user {status.st_uid}: chown it to the service's user")
