"""Fifty requests at once, over real TLS: one effect each, and nothing sold twice."""

from __future__ import annotations

import signal
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.facts import NoteCredited, PatientIdentity, RegistrationConfirmed
from store_forward.contract.wire import BatchAnswer, LeaseAnswer, LeaseRequest, Outcome, SlotLease
from tests.fakes.gateway_process import GatewayProcess, answer_of, submit
from tests.fakes.journal_of import JournalOf, signed_headers
from tests.fakes.running_gateway import RunningGateway, running_gateway
from tests.postgres.places import Place

AT_ONCE = 50
KIOSK = "QH-01"
KIOSKS = tuple(f"QH-{number:02d}" for number in range(1, AT_ONCE + 1))

CAPACITY = 30
"""Slots of the only doctor: fewer than there are kiosks."""

CLINIC = """
[clinic]
timezone = "Asia/Shanghai"
slot_minutes = 10
sells_past_slots = true

[[title]]
key = "attending"
zh = "主治医师"
en = "Attending physician"
fee_fen = 2000

[[session]]
key = "am"
start = 08:00:00
end = 13:00:00

[[department]]
code = "NK"
zh = "内科"
en = "Internal medicine"
location_zh = "2 楼"
location_en = "Floor 2"
symptoms = []

[[department.doctor]]
code = "NK01"
zh = "乙二"
en = "Yi Er"
title = "attending"
specialty_zh = "普通内科"
specialty_en = "General"
room_zh = "201 诊室"
room_en = "Room 201"
sessions = ["am"]
"""

T = TypeVar("T")


@pytest.fixture(name="gateway")
def _gateway(tmp_path: Path, place: Place) -> Iterator[RunningGateway]:
    reference = tmp_path / "clinic.toml"
    reference.write_text(CLINIC, encoding="utf-8")
    with running_gateway(tmp_path / "gateway", reference, place=place) as running:
        yield running


@pytest.fixture(name="client")
def _client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cafile=str(gateway.authority))
    with httpx.Client(base_url=gateway.url, verify=context, trust_env=False, timeout=25) as client:
        yield client


def at_once(work: Callable[[int], T]) -> list[T]:
    """Do it fifty times in as many threads."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, range(AT_ONCE)))


def outcomes(answers: list[BatchAnswer]) -> Counter[Outcome]:
    return Counter(result.outcome for answer in answers for result in answer.results)


def test_fifty_identical_submits_at_once_have_one_effect(
    gateway: RunningGateway, client: httpx.Client
) -> None:
    key = gateway.enrol(KIOSK)
    journal = a_note(KIOSK)
    answers = at_once(lambda _: answer_of(submit(client, journal, key)))
    assert outcomes(answers) == {Outcome.ACCEPTED: 1, Outcome.DUPLICATE: AT_ONCE - 1}
    assert len({answer.receipt for answer in answers}) == 1
    assert rows_of(gateway, client)["ledger"] == {
        f"cash_box:{KIOSK}": 2000,
        f"suspense:unassigned:{KIOSK}": -2000,
    }


def test_two_gateways_on_one_database_book_fifty_identical_submits_once(
    tmp_path: Path, place: Place
) -> None:
    gateways = [GatewayProcess(tmp_path, place, name) for name in ("-1", "-2")]
    key = gateways[0].enrol(KIOSK)
    journal = a_note(KIOSK)
    with gateways[0].client() as one, gateways[1].client() as other:
        answers = at_once(lambda number: answer_of(submit((one, other)[number % 2], journal, key)))
    ledger = gateways[1].console()["ledger"]
    assert [gateway.end(signal.SIGTERM) for gateway in gateways] == [0, 0]
    assert outcomes(answers) == {Outcome.ACCEPTED: 1, Outcome.DUPLICATE: AT_ONCE - 1}
    assert ledger == {f"cash_box:{KIOSK}": 2000, f"suspense:unassigned:{KIOSK}": -2000}


def test_fifty_kiosks_with_the_same_patient_are_booked_each_once(
    gateway: RunningGateway, client: httpx.Client
) -> None:
    """Numbers are given to one after another, and one patient stays one patient."""
    keys = {device: gateway.enrol(device) for device in KIOSKS}

    def send(number: int) -> BatchAnswer:
        journal = a_note(KIOSKS[number])
        journal.record(registration(f"o-{number}", never_leased(number)))
        return answer_of(submit(client, journal, keys[journal.device]))

    answers = at_once(send)
    # Nobody leased these slots, so a person looks at each registration; the patient has a slip.
    assert outcomes(answers) == {Outcome.ACCEPTED: AT_ONCE, Outcome.REVIEW: AT_ONCE}
    rows = rows_of(gateway, client)
    references = [row["his_ref"] for row in rows["registrations"]]
    assert len(set(references)) == AT_ONCE
    assert len({row["patient_number"] for row in rows["registrations"]}) == 1
    assert rows["alarms"] == []
    assert {row["high_water"] for row in rows["streams"]} == {2}


def test_the_last_slots_are_leased_and_sold_once_each(
    gateway: RunningGateway, client: httpx.Client
) -> None:
    keys = {device: gateway.enrol(device) for device in KIOSKS}
    held = dict(
        zip(
            KIOSKS,
            at_once(lambda number: lease(client, KIOSKS[number], keys[KIOSKS[number]])),
            strict=True,
        )
    )
    leased = [each.slot_id for leases in held.values() for each in leases]
    assert len(leased) == len(set(leased)) == CAPACITY

    def sell(number: int) -> list[BatchAnswer]:
        device = KIOSKS[number]
        journal = JournalOf(device)
        for each in held[device]:
            journal.record(registration(f"o-{each.slot_id}", each))
        return [answer_of(submit(client, journal, keys[device]))] if journal.bodies else []

    answers = [answer for some in at_once(sell) for answer in some]
    assert outcomes(answers) == {Outcome.ACCEPTED: CAPACITY}
    rows = rows_of(gateway, client)
    sold = [row["slot_id"] for row in rows["slots"] if row["state"] == "sold"]
    assert sorted(sold) == sorted(leased)
    assert remaining_of(client, keys[KIOSK]) == [0], "the last to publish has counted all"


def a_note(device: str) -> JournalOf:
    journal = JournalOf(device)
    journal.record(NoteCredited(None, "n-1", 2000))
    return journal


def registration(order_id: str, slot: SlotLease) -> RegistrationConfirmed:
    return RegistrationConfirmed(
        order_id=order_id,
        patient=PatientIdentity(
            name="甲一",
            id_type="resident_id",
            id_number="11010519491231002X",
            sex="F",
            birth_date="1949-12-31",
            provisional_number="A-P1",
            verified=True,
        ),
        department_code="NK",
        doctor_code=slot.doctor_code,
        slot_id=slot.slot_id,
        slot_number=slot.number,
        slot_start=slot.start,
        slot_end=slot.end,
        lease_id=slot.lease_id,
        fencing=slot.fencing,
        fee_fen=2000,
    )


def never_leased(number: int) -> SlotLease:
    day = date.today().isoformat()
    return SlotLease("l", f"{day}.NK01.am.{number}", "s", "NK01", number, "08:00", "08:10", "", 1)


def lease(client: httpx.Client, device: str, key: Ed25519PrivateKey) -> tuple[SlotLease, ...]:
    body = msgspec.json.encode(LeaseRequest(device, "r-1", 3))
    url = f"{client.base_url}/v1/allotments/lease"
    headers = signed_headers("POST", url, body, key, device)
    response = client.post("/v1/allotments/lease", content=body, headers=headers)
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=LeaseAnswer).leases


def remaining_of(client: httpx.Client, key: Ed25519PrivateKey) -> list[int]:
    path = "/v1/reference/schedules"
    headers = signed_headers("GET", f"{client.base_url}{path}", b"", key, KIOSK)
    return [
        each["record"]["remaining"] for each in client.get(path, headers=headers).json()["changes"]
    ]


def rows_of(gateway: RunningGateway, client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/console/rows", headers={"Authorization": f"Bearer {gateway.token}"})
    assert answer.status_code == 200
    rows = answer.json()
    assert isinstance(rows, dict)
    return rows
