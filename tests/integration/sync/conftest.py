"""A gateway, a front before it that can misbehave, and a kiosk that syncs through the front."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.fakes.faulty_front import FaultyFront, faulty_front
from tests.fakes.kiosk_in_sync import KioskInSync, kiosk_in_sync
from tests.fakes.running_gateway import RunningGateway, running_gateway
from tests.integration.sync.books import DEVICE, connect
from tests.postgres.places import Places


@pytest.fixture(name="gateway", scope="module")
def _gateway(tmp_path_factory: pytest.TempPathFactory, places: Places) -> Iterator[RunningGateway]:
    directory = tmp_path_factory.mktemp("gateway") / "gateway"
    with places.new() as place, running_gateway(directory, place=place) as running:
        yield running


@pytest.fixture(name="front")
def _front(gateway: RunningGateway) -> Iterator[FaultyFront]:
    with faulty_front(gateway) as front:
        yield front


@pytest.fixture(name="key", scope="module")
def _key(gateway: RunningGateway) -> Ed25519PrivateKey:
    return gateway.enrol(DEVICE)


@pytest.fixture(name="kiosk")
def _kiosk(tmp_path: Path, front: FaultyFront, key: Ed25519PrivateKey) -> Iterator[KioskInSync]:
    """Every test has a kiosk with a store of its own: another incarnation of one device."""
    with kiosk_in_sync(tmp_path / "store.db", DEVICE) as kiosk:
        connect(kiosk, front, key)
        yield kiosk
