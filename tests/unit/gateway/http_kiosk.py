"""A kiosk that talks to the gateway's HTTP face without a network."""

from __future__ import annotations

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import func, select

from store_forward.contract.facts import KioskStarted
from store_forward.contract.wire import Problem
from store_forward.gateway.api import Gateway
from store_forward.gateway.tables import inbox
from tests.fakes.journal_of import JournalOf, signed_headers
from tests.unit.gateway.bench import DEVICE_KEY, KIOSK

HOST = "https://testserver.local"
TOKEN = "operator-token-of-the-test"


class Kiosk:
    """Signs requests and sends them into the application."""

    def __init__(self, client: TestClient[Litestar], device: str = KIOSK) -> None:
        self.client = client
        self.device = device
        self.key: Ed25519PrivateKey = DEVICE_KEY

    def post(self, path: str, body: bytes) -> httpx.Response:
        headers = signed_headers("POST", HOST + path, body, self.key, self.device)
        return self.client.post(path, content=body, headers=headers)

    def get(self, path: str) -> httpx.Response:
        headers = signed_headers("GET", HOST + path, b"", self.key, self.device)
        return self.client.get(path, headers=headers)


def problem(response: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, which must come as a problem document."""
    assert response.headers["content-type"] == "application/problem+json"
    told = msgspec.json.decode(response.content, type=Problem)
    assert told.status == response.status_code
    return told.status, told.code


def a_batch(device: str = KIOSK) -> bytes:
    """The smallest batch: one entry, ``e-1``."""
    journal = JournalOf(device)
    journal.record(KioskStarted("0.1.0"), entry_id="e-1")
    return msgspec.json.encode(journal.batch())


def recorded(gateway: Gateway) -> int:
    """How many entries the gateway has."""
    with gateway.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(inbox)).scalar_one())
