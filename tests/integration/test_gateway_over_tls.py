"""The gateway as a kiosk meets it: real TLS, real HTTP, a real database."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.facts import KioskStarted, NoteCredited
from store_forward.contract.signing import load_public_key, verify_receipt
from store_forward.contract.wire import BatchAnswer, LeaseAnswer, Outcome, ReferencePage
from store_forward.gateway.certificates import make_certificates
from tests.fakes.journal_of import JournalOf, signed_headers
from tests.fakes.running_gateway import RunningGateway, running_gateway
from tests.postgres.places import Place

KIOSK = "QH-01"

IMPORT_SECONDS_LIMIT = 20.0
"""A kiosk that comes back with 1,000 queued entries is empty again within this time, also where
both processors are busy. Alone it takes 1 s with SQLite and 3 s with PostgreSQL."""


@pytest.fixture(name="gateway")
def _gateway(tmp_path: Path, place: Place) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path / "gateway", place=place) as running:
        yield running


@pytest.fixture(name="client")
def _client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with client_of(gateway) as client:
        yield client


def client_of(gateway: RunningGateway) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(gateway.authority))
    return httpx.Client(base_url=gateway.url, verify=context, trust_env=False, timeout=20)


def rows_of(gateway: RunningGateway) -> dict[str, object]:
    with client_of(gateway) as client:
        answer = client.get("/console/rows", headers={"Authorization": f"Bearer {gateway.token}"})
    assert answer.status_code == 200
    rows = answer.json()
    assert isinstance(rows, dict)
    return rows


def test_a_signed_batch_is_recorded_and_countersigned(
    gateway: RunningGateway, client: httpx.Client
) -> None:
    key = gateway.enrol(KIOSK)
    journal = JournalOf(KIOSK)
    journal.record(KioskStarted("0.1.0"))
    body = msgspec.json.encode(journal.batch())
    headers = signed_headers("POST", f"{gateway.url}/v1/batches", body, key, KIOSK)

    response = client.post("/v1/batches", content=body, headers=headers)

    assert response.status_code == 200, response.text
    answer = msgspec.json.decode(response.content, type=BatchAnswer)
    assert [result.outcome for result in answer.results] == [Outcome.ACCEPTED]
    assert answer.receipt.ack_seq == 1
    assert verify_receipt(answer.receipt, load_public_key(gateway.receipt_key))


def test_reference_data_and_leases_are_there_from_the_first_request(
    gateway: RunningGateway, client: httpx.Client
) -> None:
    key = gateway.enrol(KIOSK)
    url = f"{gateway.url}/v1/reference/departments?since="
    page = client.get(url, headers=signed_headers("GET", url, b"", key, KIOSK))
    assert page.status_code == 200, page.text
    departments = msgspec.json.decode(page.content, type=ReferencePage)
    assert len(departments.changes) >= 16

    url = f"{gateway.url}/v1/allotments/lease"
    body = b'{"device":"QH-01","request_id":"r-1","wanted_per_doctor":3}'
    leased = client.post(url, content=body, headers=signed_headers("POST", url, body, key, KIOSK))
    assert leased.status_code == 200, leased.text
    leases = msgspec.json.decode(leased.content, type=LeaseAnswer).leases
    per_doctor = [lease.doctor_code for lease in leases]
    assert per_doctor
    assert {per_doctor.count(doctor) for doctor in per_doctor} == {3}


def test_the_port_the_kiosk_dialled_is_what_it_signs(
    gateway: RunningGateway, client: httpx.Client
) -> None:
    """A relay in between leaves the Host header alone."""
    key = gateway.enrol(KIOSK)
    path = "/v1/reference/doctors"
    headers = signed_headers("GET", f"https://localhost:4433{path}", b"", key, KIOSK)
    answer = client.get(path, headers={**headers, "Host": "localhost:4433"})
    assert answer.status_code == 200, answer.text


def test_a_client_with_another_authority_refuses_the_gateway(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    stranger = make_certificates(tmp_path, datetime.now(UTC)).authority
    context = ssl.create_default_context(cafile=str(stranger))
    with (
        httpx.Client(verify=context, trust_env=False) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.get(f"{gateway.url}/v1/health")


def test_a_thousand_queued_entries_arrive_in_time(
    gateway: RunningGateway, client: httpx.Client
) -> None:
    key = gateway.enrol(KIOSK)
    journal = JournalOf(KIOSK)
    for number in range(1000):
        journal.record(NoteCredited(None, f"n-{number}", 1000))
    began = time.monotonic()
    for first in (1, 501):
        body = msgspec.json.encode(journal.batch(first, first + 499))
        headers = signed_headers("POST", f"{gateway.url}/v1/batches", body, key, KIOSK)
        assert client.post("/v1/batches", content=body, headers=headers).status_code == 200
    assert time.monotonic() - began < IMPORT_SECONDS_LIMIT
    ledger = rows_of(gateway)["ledger"]
    assert ledger == {"cash_box:QH-01": 1_000_000, "suspense:unassigned:QH-01": -1_000_000}


def test_a_gateway_started_again_knows_everything_it_knew(tmp_path: Path, place: Place) -> None:
    directory = tmp_path / "gateway"
    journal = JournalOf(KIOSK)
    journal.record(NoteCredited(None, "n-1", 2000))
    body = msgspec.json.encode(journal.batch())
    answers = []
    with running_gateway(directory, place=place) as gateway:
        key = gateway.enrol(KIOSK)
        answers.append(_submit(gateway, body, key))
    with running_gateway(directory, place=place) as gateway:
        answers.append(_submit(gateway, body, key))
    assert answers[0].receipt == answers[1].receipt
    assert answers[1].results[0].outcome is Outcome.DUPLICATE


def _submit(gateway: RunningGateway, body: bytes, key: Ed25519PrivateKey) -> BatchAnswer:
    headers = signed_headers("POST", f"{gateway.url}/v1/batches", body, key, KIOSK)
    with client_of(gateway) as client:
        response = client.post("/v1/batches", content=body, headers=headers)
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=BatchAnswer)
