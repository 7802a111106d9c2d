"""The HTTP face: what is answered, what is refused and with which words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from store_forward.contract.signing import sign_request
from store_forward.contract.wire import (
    MAX_BATCH_BYTES,
    Batch,
    BatchAnswer,
    HealthAnswer,
    LeaseAnswer,
    Problem,
    TransactionStatus,
)
from store_forward.gateway.api import Gateway
from store_forward.gateway.app import create_app
from store_forward.gateway.batches import BatchDesk
from tests.postgres.places import Place, locked_elsewhere
from tests.unit.gateway.bench import DEVICE_KEY, KIOSK, MORNING
from tests.unit.gateway.http_kiosk import HOST, TOKEN, Kiosk, a_batch, problem


def test_a_signed_batch_is_answered(kiosk: Kiosk) -> None:
    response = kiosk.post("/v1/batches", a_batch())
    assert response.status_code == 200
    assert msgspec.json.decode(response.content, type=BatchAnswer).receipt.ack_seq == 1


def test_a_transaction_can_be_looked_up(kiosk: Kiosk) -> None:
    kiosk.post("/v1/batches", a_batch())
    status = msgspec.json.decode(kiosk.get("/v1/transactions/e-1").content, type=TransactionStatus)
    assert (status.state, status.device, status.seq) == ("accepted", KIOSK, 1)
    assert problem(kiosk.get("/v1/transactions/e-2")) == (404, "unknown_transaction")


def test_an_id_with_odd_signs_is_only_unknown(kiosk: Kiosk) -> None:
    assert problem(kiosk.get("/v1/transactions/%E5%BC%A0%20%27--")) == (404, "unknown_transaction")


def test_leases_and_returns(kiosk: Kiosk) -> None:
    lease = b'{"device":"QH-01","request_id":"r-1","wanted_per_doctor":1}'
    leases = msgspec.json.decode(
        kiosk.post("/v1/allotments/lease", lease).content, type=LeaseAnswer
    ).leases
    assert len(leases) == 2
    back = msgspec.json.encode({"device": KIOSK, "lease_ids": [leases[0].lease_id]})
    left = msgspec.json.decode(
        kiosk.post("/v1/allotments/return", back).content, type=LeaseAnswer
    ).leases
    assert [each.slot_id for each in left] == [leases[1].slot_id]


def test_a_return_of_very_many_leases_is_only_long(kiosk: Kiosk) -> None:
    gift = {"device": KIOSK, "lease_ids": [str(number) for number in range(100_000)]}
    response = kiosk.post("/v1/allotments/return", msgspec.json.encode(gift))
    assert msgspec.json.decode(response.content, type=LeaseAnswer).leases == ()


def test_health_needs_no_signature_and_tells_the_time(kiosk: Kiosk) -> None:
    answer = msgspec.json.decode(kiosk.client.get("/v1/health").content, type=HealthAnswer)
    assert answer.now == "2026-03-02T01:00:00.000Z"


def test_a_client_that_leaves_within_the_body_is_no_fault_of_the_gateway(
    gateway: Gateway,
) -> None:
    told: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        told.append(message)

    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": "/v1/batches",
        "query_string": b"",
        "headers": [(b"content-length", b"10")],
        "server": ("testserver.local", 443),
        "client": ("127.0.0.1", 1),
        "scheme": "https",
        "root_path": "",
        "state": {},
    }
    asyncio.run(create_app(gateway)(scope, receive, send))
    assert told[0]["status"] == 400


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b'{"items":[{"entry":' + b"[" * 100_000,
        b'{"device":"\xff"}',
        b"nul",
        a_batch() + b"x",
    ],
    ids=["cut", "not utf-8", "deep", "utf-8 inside", "no word", "trailing"],
)
def test_what_is_no_json_is_malformed(kiosk: Kiosk, body: bytes) -> None:
    assert problem(kiosk.post("/v1/batches", body)) == (400, "malformed_json")


def altered(**fields: Any) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(a_batch()), **fields})


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (altered(device=7), "$.device"),
        (altered(device="a b"), "$.device"),
        (altered(incarnation="inc-1\n"), "$.incarnation"),
        (altered(items=[{"seq": 1, "hash": "0" * 64 + "\n", "entry": {}}]), "$.items[0].hash"),
        (altered(items=[{"seq": 1, "previous": "0"}]), "$.items[0].previous"),
        (altered(items=[{"seq": 0, "hash": "0" * 64, "entry": {}}]), "$.items[0].seq"),
        (altered(items=[{"seq": 1, "entry": {}}]), "$.items[0]"),
        (altered(surprise=1), "surprise"),
        (b"[]", "Expected"),
    ],
)
def test_what_has_another_shape_is_invalid_and_says_where(
    kiosk: Kiosk, body: bytes, where: str
) -> None:
    response = kiosk.post("/v1/batches", body)
    assert problem(response) == (422, "invalid")
    assert where in msgspec.json.decode(response.content, type=Problem).detail


def test_another_media_type_is_refused(kiosk: Kiosk) -> None:
    body = a_batch()
    headers = sign_request(
        "POST",
        f"{HOST}/v1/batches",
        {"Content-Type": "text/plain"},
        body,
        key=DEVICE_KEY,
        key_id=KIOSK,
        created=MORNING,
    )
    response = kiosk.client.post("/v1/batches", content=body, headers=headers)
    assert problem(response) == (415, "unsupported_media_type")


def test_a_body_announced_too_large_is_refused_before_it_is_read(kiosk: Kiosk) -> None:
    body = b" " * (MAX_BATCH_BYTES + 1)
    assert problem(kiosk.post("/v1/batches", body)) == (413, "too_large")


def test_a_body_that_grows_too_large_is_refused(kiosk: Kiosk) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(MAX_BATCH_BYTES // 65_536 + 1):
            yield b" " * 65_536

    response = kiosk.client.post("/v1/batches", content=pieces())
    assert problem(response) == (413, "too_large")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/v2/batches", "/v1/batches/x"])
def test_an_unknown_path_is_not_found(kiosk: Kiosk, path: str) -> None:
    assert problem(kiosk.client.get(path)) == (404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_wrong_method_is_refused(kiosk: Kiosk, method: str) -> None:
    assert problem(kiosk.client.request(method, "/v1/batches")) == (405, "method_not_allowed")


class BrokenDesk(BatchDesk):
    """Has a bug."""

    def receive(self, arrived: Batch) -> BatchAnswer:
        raise RuntimeError("a secret of the inside")


def test_a_bug_is_told_without_its_inside(gateway: Gateway) -> None:
    desk = BrokenDesk.__new__(BrokenDesk)
    with TestClient(
        create_app(replace(gateway, desk=desk)), raise_server_exceptions=False
    ) as client:
        response = Kiosk(client).post("/v1/batches", a_batch())
    assert problem(response) == (500, "internal")
    assert "secret" not in response.text


def test_a_locked_database_asks_to_come_again(kiosk: Kiosk, place: Place) -> None:
    with locked_elsewhere(place):
        response = kiosk.post("/v1/batches", a_batch())
        assert problem(response) == (503, "database_unavailable")
        assert int(response.headers["retry-after"]) > 0
    assert kiosk.post("/v1/batches", a_batch()).status_code == 200


def test_the_openapi_document_describes_every_route(kiosk: Kiosk) -> None:
    document = kiosk.client.get("/schema").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/v1/allotments/lease",
        "/v1/allotments/return",
        "/v1/batches",
        "/v1/cases/{id}/resolve",
        "/v1/exceptions",
        "/v1/health",
        "/v1/reference/{set}",
        "/v1/resolutions",
        "/v1/streams/{incarnation}",
        "/v1/streams/{incarnation}/fence",
        "/v1/transactions/{id}",
    }
    for name in references(document):
        assert name in document["components"]["schemas"], name


def test_the_openapi_document_tells_of_bodies_that_are_too_large(kiosk: Kiosk) -> None:
    paths = kiosk.client.get("/schema").json()["paths"]
    writes = {path: item["post"] for path, item in paths.items() if "post" in item}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    for path, operation in writes.items():
        asked = path.replace("{id}", "x").replace("{incarnation}", "x")
        body = b" " * (MAX_BATCH_BYTES + 1)
        response = kiosk.client.post(asked, content=body, headers=headers)
        assert problem(response) == (413, "too_large")
        assert "413" in operation["responses"], path


def references(node: object) -> Iterator[str]:
    match node:
        case {"$ref": str(target)}:
            yield target.removeprefix("#/components/schemas/")
        case dict():
            for value in node.values():
                yield from references(value)
        case list():
            for value in node:
                yield from references(value)
