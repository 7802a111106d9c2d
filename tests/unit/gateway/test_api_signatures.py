"""The HTTP face: who is believed, and who is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.keys import public_pem
from store_forward.gateway.api import Gateway
from tests.fakes.journal_of import signed_headers
from tests.unit.gateway.bench import DEVICE_KEY, KIOSK, OTHER_KIOSK
from tests.unit.gateway.http_kiosk import HOST, Kiosk, a_batch, problem, recorded


@pytest.mark.parametrize(
    "path", ["/v1/transactions/e-1", "/v1/reference/doctors", "/v1/reference/nonsense"]
)
def test_reads_without_a_signature_are_refused(kiosk: Kiosk, path: str) -> None:
    assert problem(kiosk.client.get(path)) == (401, "unsigned")


@pytest.mark.parametrize("path", ["/v1/batches", "/v1/allotments/lease", "/v1/allotments/return"])
def test_writes_without_a_signature_are_refused(kiosk: Kiosk, path: str) -> None:
    response = kiosk.client.post(path, content=b"{}", headers={"Content-Type": "application/json"})
    assert problem(response) == (401, "unsigned")


@pytest.mark.parametrize("port", ["no", "99999999", "-1"])
def test_a_host_with_a_port_that_is_none_is_answered_like_any_other(
    kiosk: Kiosk, port: str
) -> None:
    host = {"Host": f"testserver.local:{port}"}
    path = "/v1/reference/doctors"
    assert problem(kiosk.client.get(path, headers=host)) == (401, "unsigned")
    signed = signed_headers("GET", HOST + path, b"", DEVICE_KEY, KIOSK)
    assert problem(kiosk.client.get(path, headers={**signed, **host})) == (401, "bad_signature")


def test_a_withdrawn_kiosk_is_unknown_from_its_next_request_on(
    kiosk: Kiosk, tmp_path: Path
) -> None:
    file = tmp_path / "enrolled" / f"{KIOSK}.pem"
    assert kiosk.post("/v1/batches", a_batch()).status_code == 200
    file.unlink()
    assert problem(kiosk.post("/v1/batches", a_batch())) == (401, "unknown_device")
    file.write_bytes(public_pem(DEVICE_KEY.public_key()))
    assert kiosk.post("/v1/batches", a_batch()).status_code == 200


def test_a_replaced_key_is_the_only_one_believed_from_the_next_request_on(
    kiosk: Kiosk, tmp_path: Path
) -> None:
    assert kiosk.post("/v1/batches", a_batch()).status_code == 200
    new_key = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
    (tmp_path / "enrolled" / f"{KIOSK}.pem").write_bytes(public_pem(new_key.public_key()))
    assert problem(kiosk.post("/v1/batches", a_batch())) == (401, "bad_signature")
    kiosk.key = new_key
    assert kiosk.post("/v1/batches", a_batch()).status_code == 200


def test_another_key_under_an_enrolled_name_is_refused(kiosk: Kiosk, gateway: Gateway) -> None:
    kiosk.key = Ed25519PrivateKey.generate()
    assert problem(kiosk.post("/v1/batches", a_batch())) == (401, "bad_signature")
    assert recorded(gateway) == 0


@pytest.mark.parametrize("device", ["QH-99", "../QH-01", ".", "x" * 200])
def test_an_unknown_device_is_refused(kiosk: Kiosk, device: str) -> None:
    kiosk.device = device
    assert problem(kiosk.post("/v1/batches", a_batch())) == (401, "unknown_device")


def test_a_body_changed_on_the_way_is_refused(kiosk: Kiosk, gateway: Gateway) -> None:
    body = a_batch()
    headers = signed_headers("POST", f"{HOST}/v1/batches", body, DEVICE_KEY, KIOSK)
    response = kiosk.client.post("/v1/batches", content=body + b" ", headers=headers)
    assert problem(response) == (401, "bad_digest")
    assert recorded(gateway) == 0


def test_a_request_replayed_on_another_path_is_refused(kiosk: Kiosk) -> None:
    body = b'{"device":"QH-01","lease_ids":[]}'
    headers = signed_headers("POST", f"{HOST}/v1/allotments/return", body, DEVICE_KEY, KIOSK)
    response = kiosk.client.post("/v1/allotments/lease", content=body, headers=headers)
    assert problem(response) == (401, "bad_signature")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/batches", a_batch(OTHER_KIOSK)),
        ("/v1/allotments/lease", b'{"device":"QH-02","request_id":"r","wanted_per_doctor":1}'),
        ("/v1/allotments/return", b'{"device":"QH-02","lease_ids":[]}'),
    ],
)
def test_no_kiosk_speaks_for_another(
    kiosk: Kiosk, gateway: Gateway, path: str, body: bytes
) -> None:
    assert problem(kiosk.post(path, body)) == (403, "other_device")
    assert recorded(gateway) == 0
