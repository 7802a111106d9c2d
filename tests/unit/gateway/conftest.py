"""Fixtures of the gateway's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from store_forward.contract.keys import public_pem
from store_forward.gateway.api import Gateway
from store_forward.gateway.app import create_app
from store_forward.gateway.enrolment import Enrolments
from tests.postgres.places import Place
from tests.unit.gateway.bench import DEVICE_KEY, KIOSK, OTHER_KIOSK, GatewayBench
from tests.unit.gateway.http_kiosk import TOKEN, Kiosk


@pytest.fixture(name="bench")
def _bench(place: Place) -> Iterator[GatewayBench]:
    bench = GatewayBench(place)
    yield bench
    bench.close()


@pytest.fixture(name="gateway")
def _gateway(place: Place, tmp_path: Path) -> Iterator[Gateway]:
    bench = GatewayBench(place, busy_timeout_ms=50)
    enrolled = tmp_path / "enrolled"
    enrolled.mkdir()
    for device in (KIOSK, OTHER_KIOSK):
        (enrolled / f"{device}.pem").write_bytes(public_pem(DEVICE_KEY.public_key()))
    enrolments = Enrolments(bench.database, enrolled, bench.time)
    yield Gateway(
        bench.database,
        enrolments,
        bench.desk,
        bench.streams,
        bench.cases,
        bench.catalogue,
        bench.time,
        TOKEN,
        "test",
    )
    bench.close()


@pytest.fixture(name="kiosk")
def _kiosk(gateway: Gateway) -> Iterator[Kiosk]:
    with TestClient(create_app(gateway)) as client:
        yield Kiosk(client)
