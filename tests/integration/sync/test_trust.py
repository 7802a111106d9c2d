"""Sync and a gateway that do not know each other: nothing is sent in vain, nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.keys import public_pem
from store_forward.gateway.certificates import make_certificates
from tests.fakes.faulty_front import FaultyFront
from tests.fakes.kiosk_in_sync import KioskInSync, kiosk_in_sync
from tests.fakes.running_gateway import RunningGateway
from tests.integration.sync.books import connect, expect_all_recorded_once


def test_another_authoritys_gateway_gets_nothing(
    kiosk: KioskInSync, front: FaultyFront, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    other = make_certificates(tmp_path, datetime.now(UTC))
    kiosk.record_starts(5)
    kiosk.connect(front.url, other.authority, front.gateway.receipt_key, key)
    for _ in range(10):
        kiosk.step()
    assert not kiosk.status.online
    assert kiosk.status.reason == "wrong_authority"
    assert front.requests == []
    assert kiosk.waiting == 5


def test_receipts_of_another_key_acknowledge_nothing(
    kiosk: KioskInSync, front: FaultyFront, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign.pem"
    foreign.write_bytes(public_pem(Ed25519PrivateKey.generate().public_key()))
    kiosk.record_starts(5)
    kiosk.connect(front.url, front.gateway.authority, foreign, key)
    kiosk.step_until(lambda: kiosk.status.reason == "forged_answer")
    assert not kiosk.status.online
    assert kiosk.waiting == 5


def test_a_kiosk_that_is_not_enrolled_keeps_its_queue_until_it_is(
    gateway: RunningGateway, front: FaultyFront, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    with kiosk_in_sync(tmp_path / "store.db", "QH-K09") as kiosk:
        connect(kiosk, front, key)
        kiosk.record_starts(5)
        kiosk.step_until(lambda: kiosk.status.reason == "not_recognised")
        assert kiosk.waiting == 5
        pem = public_pem(key.public_key())
        (gateway.directory / "enrolled" / "QH-K09.pem").write_bytes(pem)
        kiosk.drain()
        kiosk.step_until(lambda: kiosk.status.online)
        expect_all_recorded_once(gateway, kiosk, 5)
