"""Damage that only sync meets is core's to mend: sync says so, and what waits still goes out."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.store.errors import DamagedStore, StoreError
from store_forward.store.recovery import look
from tests.fakes.bad_page import spoil_first_page_of
from tests.fakes.faulty_front import FaultyFront
from tests.fakes.kiosk_in_sync import KEY, KioskInSync, kiosk_in_sync
from tests.fakes.running_gateway import RunningGateway
from tests.integration.sync.books import DEVICE, connect, expect_all_recorded_once


def test_a_bad_page_among_the_receipts_is_told_to_core_and_mended_by_its_next_start(
    gateway: RunningGateway,
    kiosk: KioskInSync,
    front: FaultyFront,
    key: Ed25519PrivateKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(look, "CHECKED_WHOLE_BYTES", 0)  # as if it were a large one
    kiosk.record_starts(5)
    path = kiosk.core.path
    spoil_first_page_of("receipt", path, KEY)
    kiosk.core.require_sound()
    assert kiosk.service is not None
    with pytest.raises(StoreError):
        kiosk.runner.run(kiosk.service.run())
    with pytest.raises(DamagedStore, match="while it was in use"):
        kiosk.core.require_sound()
    kiosk.core.close()
    kiosk.store.close()
    with kiosk_in_sync(path, DEVICE) as again:
        assert again.core.recovery is not None
        assert again.core.recovery.set_aside
        again.core.require_sound()
        connect(again, front, key)
        again.drain()
        expect_all_recorded_once(gateway, again, 5)
