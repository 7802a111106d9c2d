"""The report says how the key is held, what is weak about it, and what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from store_forward.store.keyring.envelope import (
    CredentialSeal,
    Envelope,
    EscrowSeal,
    MachineSeal,
    Role,
    TpmSeal,
    new_data_key,
    new_ring_key,
    seal,
)
from store_forward.store.keyring.escrow import EscrowKey
from store_forward.store.keyring.report import KeyReport, describe, describe_plain

MADE = "2026-07-13T08:00:00Z"
STORE = Path("/state/store.db")
TPM = TpmSeal("sha256:7", {"7": "a1" * 32}, b"public", b"private")
CREDENTIAL = CredentialSeal("some-id", b"n" * 12, b"s" * 48)


@pytest.fixture
def escrow(escrow_private: rsa.RSAPrivateKey) -> EscrowSeal:
    return EscrowKey(escrow_private.public_key()).seal(bytes(32))


def envelope(machine: MachineSeal, escrow: EscrowSeal | None, *roles: Role) -> Envelope:
    keys = tuple(new_data_key(role, MADE) for role in (Role.CURRENT, *roles))
    return seal("kiosk-7", MADE, keys, new_ring_key(), machine, escrow)


def report(of: Envelope, *, days: int = 10, plain: Path | None = None) -> KeyReport:
    now = datetime(2026, 7, 13, 8, 0, tzinfo=UTC).timestamp() + days * 86_400
    at = datetime.fromtimestamp(now, UTC)
    return describe(STORE, of, broken=None, plain_beside=plain, now=at)


def test_a_key_sealed_to_the_tpm_with_escrow_has_nothing_weak(escrow: EscrowSeal) -> None:
    found = report(envelope(TPM, escrow))

    text = found.render()
    assert found.weak == []
    assert "TPM 2.0 of the machine, opened only while sha256:7 is as sealed" in text
    assert f"key {escrow.key_id}, RSA-OAEP, 3072 bits" in text
    assert "(10 days)" in text


def test_each_weakness_comes_with_its_remedy(escrow: EscrowSeal) -> None:
    cases = {
        "no TPM in use": report(envelope(CREDENTIAL, escrow)),
        "no escrow": report(envelope(TPM, None)),
        "still lies beside it in plain": report(envelope(TPM, escrow), plain=Path("/k/store.key")),
        "was interrupted": report(envelope(TPM, escrow, Role.NEXT)),
        "days old": report(envelope(TPM, escrow), days=800),
    }
    for what, found in cases.items():
        assert [what in one.what for one in found.weak] == [True]
        assert "outpost keys rotate" in found.weak[0].remedy
        assert "WEAK" in found.render()


def test_a_clock_that_says_nonsense_gives_no_age(escrow: EscrowSeal) -> None:
    assert "days" not in report(envelope(TPM, escrow), days=-400).render()


def test_a_plain_key_is_for_the_desk_only() -> None:
    text = describe_plain(STORE, Path("/keys/store.key"), None).render()

    assert "plain: for the desk only" in text
    assert "outpost keys wrap" in text


def test_former_keys_say_what_they_are_for(escrow: EscrowSeal) -> None:
    assert "older segments of the mirror" in report(envelope(TPM, escrow, Role.RETIRED)).render()
