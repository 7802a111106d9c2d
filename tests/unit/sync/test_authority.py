"""TLS: one authority, and words a deployment engineer can act on."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from store_forward.gateway.certificates import make_certificates
from store_forward.sync.authority import BadAuthority, obstacle_of, trust_only
from store_forward.sync.outcomes import Obstacle


def verification_error(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


def test_only_the_configured_authority_is_trusted(tmp_path: Path) -> None:
    files = make_certificates(tmp_path, datetime.now(UTC))
    context = trust_only(files.authority)
    assert len(context.get_ca_certs()) == 1
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_missing_or_foreign_authority_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadAuthority, match=r"none\.pem cannot be read"):
        trust_only(tmp_path / "none.pem")
    foreign = tmp_path / "foreign.pem"
    foreign.write_text("not a certificate")
    with pytest.raises(BadAuthority, match=r"foreign\.pem holds no certificate"):
        trust_only(foreign)


@pytest.mark.parametrize(
    ("code", "obstacle", "words"),
    [
        (19, Obstacle.WRONG_AUTHORITY, "not from the configured authority"),
        (20, Obstacle.WRONG_AUTHORITY, "not from the configured authority"),
        (10, Obstacle.CERTIFICATE_OUT_OF_DATE, "this kiosk's clock"),
        (9, Obstacle.CERTIFICATE_OUT_OF_DATE, "this kiosk's clock"),
        (62, Obstacle.WRONG_HOST, "another host"),
        (64, Obstacle.WRONG_HOST, "another host"),
        (7, Obstacle.TLS_FAILED, "no secure connection"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said(
    code: int, obstacle: Obstacle, words: str
) -> None:
    found = obstacle_of(verification_error(code, "openssl's words"))
    assert found is not None
    assert found[0] is obstacle
    assert words in found[1]
    assert "openssl's words" in found[1]


def test_the_cause_is_found_behind_the_libraries_own_errors() -> None:
    outer = OSError("outer")
    outer.__cause__ = RuntimeError("middle")
    outer.__cause__.__context__ = verification_error(20, "x")
    found = obstacle_of(outer)
    assert found is not None
    assert found[0] is Obstacle.WRONG_AUTHORITY


def test_a_connection_that_ends_inside_tls_is_lost_not_wrong() -> None:
    found = obstacle_of(ssl.SSLEOFError(8, "EOF occurred in violation of protocol"))
    assert found is not None
    assert found[0] is Obstacle.CONNECTION_LOST


def test_other_errors_are_not_blamed_on_tls() -> None:
    assert obstacle_of(ConnectionRefusedError(111, "refused")) is None
