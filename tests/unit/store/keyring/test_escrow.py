"""What is wrapped for the hospital's escrow key opens with its private half only."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from store_forward.contract.sealed import Header, open_sealed, read_layout
from store_forward.contract.sealed import seal as seal_file
from store_forward.store.errors import KeyUnusable
from store_forward.store.keyring.escrow import (
    EscrowKey,
    EscrowPrivateKey,
    NotUnwrapped,
    load_escrow_private,
)

SECRET = bytes(range(32))


def pem(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_the_private_half_opens_it(escrow_files: tuple[Path, Path]) -> None:
    private, public = escrow_files
    sealed = EscrowKey.load(public).seal(SECRET)

    assert SECRET not in sealed.wrapped
    assert load_escrow_private(private).open(sealed) == SECRET


def test_openssl_opens_it_as_a_smart_cards_tool_would(
    escrow_files: tuple[Path, Path], tmp_path: Path
) -> None:
    private, public = escrow_files
    (tmp_path / "wrapped").write_bytes(EscrowKey.load(public).seal(SECRET).wrapped)
    padding = ("rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256")
    options = [word for one in padding for word in ("-pkeyopt", one)]

    opened = subprocess.run(
        ["openssl", "pkeyutl", "-decrypt", "-inkey", private, *options, "-in", "wrapped"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=20,
    )

    assert opened.stdout == SECRET


def test_another_key_does_not_open_it_and_both_are_named(
    escrow_private: rsa.RSAPrivateKey,
) -> None:
    other = EscrowPrivateKey(rsa.generate_private_key(65537, 3072))
    sealed = EscrowKey(escrow_private.public_key()).seal(SECRET)

    with pytest.raises(NotUnwrapped, match=f"{sealed.key_id}, not {other.key_id}"):
        other.open(sealed)


def test_backups_and_other_sealed_files_can_be_made_for_it(
    escrow_private: rsa.RSAPrivateKey,
) -> None:
    key = EscrowPrivateKey(escrow_private)
    header = Header("backup", "kiosk-7", "life", 1, "now", 1, 2, "00", "signer")
    file = io.BytesIO()
    seal_file(file, header, [b"content"], key.public, lambda _: bytes(64))

    content = open_sealed(file, read_layout(file), key, lambda _signature, _bytes: True)

    assert b"".join(content) == b"content"


def test_a_private_key_given_to_a_kiosk_is_refused(escrow_files: tuple[Path, Path]) -> None:
    with pytest.raises(KeyUnusable, match="this is a private key"):
        EscrowKey.load(escrow_files[0])


def test_unfit_public_keys_are_explained(tmp_path: Path) -> None:
    short = pem(rsa.generate_private_key(65537, 2048).public_key())
    wrong = pem(ed25519.Ed25519PrivateKey.generate().public_key())
    path = tmp_path / "public.pem"
    for content, said in ((short, "2048 bits"), (wrong, "must be an RSA key"), (b"no", "escrow")):
        path.write_bytes(content)
        with pytest.raises(KeyUnusable, match=said):
            EscrowKey.load(path)
    with pytest.raises(KeyUnusable, match="cannot be read"):
        EscrowKey.load(tmp_path / "missing.pem")


def test_a_private_key_file_open_to_others_is_refused(escrow_files: tuple[Path, Path]) -> None:
    escrow_files[0].chmod(0o640)

    with pytest.raises(KeyUnusable, match="chmod 600"):
        load_escrow_private(escrow_files[0])


def test_a_private_key_with_a_passphrase_and_other_files_are_explained(
    escrow_files: tuple[Path, Path], escrow_private: rsa.RSAPrivateKey
) -> None:
    private = escrow_files[0]
    private.write_bytes(
        escrow_private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    with pytest.raises(KeyUnusable, match="has a passphrase"):
        load_escrow_private(private)

    private.write_text("nothing")
    with pytest.raises(KeyUnusable, match="no private key"):
        load_escrow_private(private)
