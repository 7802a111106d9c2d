"""The throw-away certificates: good for loopback TLS with their own authority only."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from store_forward.gateway.certificates import make_certificates

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_the_files_are_private_and_load(tmp_path: Path) -> None:
    files = make_certificates(tmp_path, NOW)
    for path in (files.authority, files.certificate, files.key):
        assert path.stat().st_mode & 0o777 == 0o600
    ssl.create_default_context(cafile=str(files.authority))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.certificate, files.key)


def test_the_authority_signed_the_server(tmp_path: Path) -> None:
    files = make_certificates(tmp_path, NOW)
    authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    server = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    server.verify_directly_issued_by(authority)
    with pytest.raises(ValueError, match="does not match"):
        authority.verify_directly_issued_by(server)


def test_a_kiosk_with_a_dead_clock_battery_still_believes_it(tmp_path: Path) -> None:
    files = make_certificates(tmp_path, NOW)
    server = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    assert server.not_valid_before_utc.year <= 2017
    assert server.not_valid_after_utc.year >= 2028


def test_every_authority_is_another_one(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_certificates(tmp_path / name, NOW)
    first, second = (tmp_path / name / "gateway-ca.pem" for name in ("a", "b"))
    assert first.read_bytes() != second.read_bytes()
