"""The real gateway, served over real TLS on a free port, in a thread of the test."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.keys import public_pem
from store_forward.gateway.connections import ConnectionLimits
from store_forward.gateway.database import Database
from store_forward.gateway.serve import (
    DEFAULT_LIMITS,
    GatewayOptions,
    listen,
    make_server,
    prepare,
)
from tests.postgres.places import Place, tell_gateway

CLINIC = Path(__file__).parents[2] / "firmware" / "demo" / "clinic.toml"


@dataclass(frozen=True)
class RunningGateway:
    """Where the gateway is and what a kiosk needs to talk to it."""

    url: str
    port: int
    directory: Path
    authority: Path
    receipt_key: Path
    token: str
    database: Database

    def enrol(self, device: str) -> Ed25519PrivateKey:
        """Make a device key and enrol it the way a deployment engineer does."""
        key = Ed25519PrivateKey.generate()
        (self.directory / "enrolled" / f"{device}.pem").write_bytes(public_pem(key.public_key()))
        return key

    def ask_as_operator(self, path: str, told: msgspec.Struct) -> httpx.Response:
        """Post what staff decide, with the operator's token."""
        trust = ssl.create_default_context(cafile=str(self.authority))
        return httpx.post(
            self.url + path,
            content=msgspec.json.encode(told),
            headers={
                "authorization": f"Bearer {self.token}",
                "content-type": "application/json",
            },
            verify=trust,
            trust_env=False,
        )


@contextmanager
def running_gateway(
    directory: Path,
    reference: Path = CLINIC,
    port: int = 0,
    limits: ConnectionLimits = DEFAULT_LIMITS,
    place: Place | None = None,
) -> Iterator[RunningGateway]:
    """Run a gateway on its directory until the block ends; it can be started again on it.

    With ``place`` it keeps its data there, otherwise in a file of the directory.
    """
    if place is not None:
        tell_gateway(directory, place)
    options = GatewayOptions(directory, reference, port=port, limits=limits)
    prepared = prepare(options)
    with listen(options) as listener:
        server = make_server(prepared, listener, limits=limits)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="gateway", daemon=True
        )
        bound = listener.getsockname()[1]
        thread.start()
        try:
            yield RunningGateway(
                url=f"https://127.0.0.1:{bound}",
                port=bound,
                directory=directory,
                authority=prepared.certificates.authority,
                receipt_key=directory / "gateway-receipt.pem",
                token=(directory / "operator-token").read_text(),
                database=prepared.database,
            )
        finally:
            server.should_exit = True
            thread.join()
            prepared.database.close()
