"""Fixtures of the gateway's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.gateway.bench import GatewayBench


@pytest.fixture(name="bench")
def _bench(tmp_path: Path) -> Iterator[GatewayBench]:
    bench = GatewayBench(tmp_path)
    yield bench
    bench.close()
