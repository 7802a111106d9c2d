"""The gateway as a kiosk meets it: real TLS, real HTTP, real SQLite file."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from store_forward.contract.facts import KioskStarted
from store_forward.contract.signing import load_public_key, verify_receipt
from store_forward.contract.wire import BatchAnswer, LeaseAnswer, Outcome, ReferencePage
from tests.fakes.journal_of import JournalOf, signed_headers
from tests.fakes.running_gateway import RunningGateway, running_gateway

KIOSK = "QH-01"


@pytest.fixture(name="gateway")
def _gateway(tmp_path: Path) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path / "gateway") as running:
        yield running


@pytest.fixture(name="client")
def _client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cafile=str(gateway.authority))
    with httpx.Client(base_url=gateway.url, verify=context, trust_env=False) as client:
        yield client


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
