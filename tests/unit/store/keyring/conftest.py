"""A kiosk's keys, an escrow key and a machine for the tests of the keyring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from store_forward.store.keyring.loading import Site
from tests.fakes.software_tpm import SoftwareTpm
from tests.unit.store.builders import DEVICE


@pytest.fixture(scope="session")
def escrow_private() -> rsa.RSAPrivateKey:
    """The hospital's escrow key; made once, as it takes a moment."""
    return rsa.generate_private_key(65537, 3072)


@pytest.fixture
def escrow_files(tmp_path: Path, escrow_private: rsa.RSAPrivateKey) -> tuple[Path, Path]:
    """The escrow key's files: private (0600) and public."""
    folder = tmp_path / "hospital"
    folder.mkdir()
    return write_escrow(folder, escrow_private)


def write_escrow(folder: Path, key: rsa.RSAPrivateKey) -> tuple[Path, Path]:
    """Write both halves as PEM files."""
    private, public = folder / "escrow.pem", folder / "escrow-public.pem"
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A kiosk that has nothing yet but a machine key."""
    state, keys = tmp_path / "state", tmp_path / "keys"
    state.mkdir()
    keys.mkdir()
    machine_key = keys / "machine.key"
    machine_key.touch(mode=0o600)
    machine_key.write_text("4d" * 32)
    return Site(state / "store.db", keys, DEVICE)


@pytest.fixture
def tpm(tmp_path: Path) -> Iterator[SoftwareTpm]:
    """A machine's TPM, on and measured into."""
    with SoftwareTpm(tmp_path / "tpm") as chip:
        yield chip
