"""PostgreSQL dies under the gateway: clean refusals, and every batch is booked once."""

from __future__ import annotations

import ssl
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import psycopg
import pytest

from store_forward.contract.facts import NoteCredited
from store_forward.contract.wire import Outcome
from tests.fakes.gateway_process import answer_of, submit
from tests.fakes.journal_of import JournalOf
from tests.fakes.running_gateway import RunningGateway, running_gateway
from tests.postgres.cluster import PrivateCluster

KIOSK = "QH-01"
WAIT_SECONDS = 15.0


@pytest.fixture(name="server")
def _server() -> Iterator[PrivateCluster]:
    """A server of this test alone, because it is killed."""
    with tempfile.TemporaryDirectory(prefix="outpost-killed-") as directory:
        Path(directory).chmod(0o711)  # the server runs as another user and must reach its folders
        server = PrivateCluster(Path(directory))
        try:
            server.create()
            yield server
        finally:
            server.stop()


@pytest.fixture(name="gateway")
def _gateway(server: PrivateCluster, tmp_path: Path) -> Iterator[RunningGateway]:
    place = server.create_database("outpost")
    with running_gateway(tmp_path / "gateway", place=place) as running:
        yield running


@pytest.fixture(name="client")
def _client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cafile=str(gateway.authority))
    with httpx.Client(base_url=gateway.url, verify=context, trust_env=False, timeout=20) as client:
        yield client


def test_a_server_that_dies_within_a_batch_costs_nothing(
    server: PrivateCluster, gateway: RunningGateway, client: httpx.Client
) -> None:
    key = gateway.enrol(KIOSK)
    journal = JournalOf(KIOSK)
    for number in range(3):
        journal.record(NoteCredited(None, f"n-{number}", 1000))
    assert submit(client, journal, key, 1, 1).status_code == 200
    with ThreadPoolExecutor(1) as pool, closing(server.connect("outpost")) as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE posting IN EXCLUSIVE MODE")
        running = pool.submit(submit, client, journal, key)
        until_someone_waits(other)
        server.stop()
        refused = running.result()
    expect_come_again(refused)
    expect_come_again(submit(client, journal, key))

    server.start()
    again = answer_of(submit(client, journal, key))
    assert [result.outcome for result in again.results] == [
        Outcome.DUPLICATE,
        Outcome.ACCEPTED,
        Outcome.ACCEPTED,
    ]
    once_more = answer_of(submit(client, journal, key))
    assert once_more.receipt == again.receipt
    rows = client.get("/console/rows", headers={"Authorization": f"Bearer {gateway.token}"}).json()
    assert rows["ledger"] == {f"cash_box:{KIOSK}": 3000, f"suspense:unassigned:{KIOSK}": -3000}


def expect_come_again(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert response.json()["code"] == "database_unavailable"
    assert int(response.headers["retry-after"]) > 0


def until_someone_waits(connection: psycopg.Connection) -> None:
    """The batch is half applied when it meets the lock."""
    deadline = time.monotonic() + WAIT_SECONDS
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    while connection.execute(query).fetchone() == (0,):
        assert time.monotonic() < deadline, "the batch did not come to the lock"
        time.sleep(0.01)
