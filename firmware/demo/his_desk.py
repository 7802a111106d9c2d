"""Asks the gateway as an enrolled kiosk may, beside the kiosk's own sync: repeats and look-ups."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import httpx
import msgspec

from firmware.demo.kiosk import DeskKiosk
from firmware.demo.workspace import KIOSK_ID
from store_forward.contract.canonical import GENESIS
from store_forward.contract.keys import load_private_key
from store_forward.contract.signing import sign_request
from store_forward.contract.wire import Batch, BatchAnswer, Item, Outcome, TransactionStatus
from store_forward.store.keys import load_key
from store_forward.store.store import Role, Store


class HisDesk:
    """A second client with the kiosk's identity, straight to the gateway's own port."""

    def __init__(self, kiosk: DeskKiosk) -> None:
        self._space = kiosk.space
        trust = ssl.create_default_context(cafile=str(self._space.keys / "gateway-ca.pem"))
        self._http = httpx.Client(
            base_url=f"https://127.0.0.1:{kiosk.gateway_port}", verify=trust, trust_env=False
        )
        self._key = load_private_key(self._space.keys / "device.pem")

    def state_of(self, wanted: str) -> str:
        """Return what the HIS says of a slip code, an order or an entry."""
        body = self._ask("GET", f"/v1/transactions/{wanted}")
        return msgspec.json.decode(body, type=TransactionStatus).state

    def send_everything_again(self) -> list[Outcome]:
        """Send the whole journal once more, as a late duplicate; return the outcomes."""
        with Store.open(
            self._space.state / "store.db",
            load_key(self._space.keys / "store.key"),
            device=KIOSK_ID,
            role=Role.GUEST,
        ) as store:
            incarnation = store.identity.incarnation
            rows = store.journal.read(0, 500)
        items = [Item(row.seq, row.hash.hex(), msgspec.Raw(row.body)) for row in rows]
        items[0] = msgspec.structs.replace(items[0], previous=GENESIS.hex())
        batch = Batch(KIOSK_ID, incarnation, tuple(items))
        body = self._ask("POST", "/v1/batches", msgspec.json.encode(batch))
        answer = msgspec.json.decode(body, type=BatchAnswer)
        return [result.outcome for result in answer.results]

    def _ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        headers = {"content-type": "application/json"} if body else {}
        request = self._http.build_request(method, path, content=body, headers=headers)
        signed = sign_request(
            method,
            str(request.url),
            dict(request.headers),
            body,
            key=self._key,
            key_id=KIOSK_ID,
            created=datetime.now(UTC),
        )
        request.headers.update(signed)
        answer = self._http.send(request)
        answer.raise_for_status()
        return answer.content
