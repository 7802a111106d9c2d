"""A gateway for all tests of a file; each has a kiosk of its own and a stick."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.kiosk_in_sync import kiosk_in_sync
from tests.fakes.running_gateway import RunningGateway, running_gateway
from tests.integration.courier.rounds import Courier
from tests.integration.sync.books import DEVICE


@pytest.fixture(name="gateway", scope="module")
def _gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path_factory.mktemp("gateway") / "gateway") as running:
        yield running


@pytest.fixture(name="courier")
def _courier(tmp_path: Path, gateway: RunningGateway) -> Iterator[Courier]:
    stick = tmp_path / "stick"
    stick.mkdir()
    store = tmp_path / "store.db"
    with kiosk_in_sync(store, DEVICE) as kiosk:
        yield Courier(gateway, kiosk, gateway.enrol(DEVICE), stick, store)
