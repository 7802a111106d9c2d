"""The gateway as a process of its own, which can be killed."""

from __future__ import annotations

import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.keys import public_pem
from store_forward.contract.wire import BatchAnswer
from tests.fakes.journal_of import JournalOf, signed_headers
from tests.fakes.running_gateway import CLINIC
from tests.postgres.places import Place, tell_gateway

ROOT = Path(__file__).parents[2]

PROGRAM = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from store_forward.gateway.serve import GatewayOptions, listen, make_server, prepare

directory, reference, port_file, fatal = map(Path, sys.argv[1:])
options = GatewayOptions(directory, reference, port_file=port_file)

def dies_instead_of_answering(app):
    # Everything is committed when the answer begins; while ``fatal`` exists it never does.
    async def served(scope, receive, send):
        async def answered(message):
            if message["type"] == "http.response.start" and fatal.exists():
                os.kill(os.getpid(), signal.SIGKILL)
            await send(message)
        await app(scope, receive, answered)
    return served

with listen(options) as listener:
    prepared = prepare(options)
    prepared = replace(prepared, app=dies_instead_of_answering(prepared.app))
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda _number, _frame: None)
    make_server(prepared, listener, port_file).run([listener])
    prepared.database.close()
"""

START_SECONDS = 20.0


class GatewayProcess:
    """A gateway in its own process. ``name`` tells apart two that share a directory."""

    def __init__(self, directory: Path, place: Place | None = None, name: str = "") -> None:
        self.directory = directory / "gateway"
        self.fatal = directory / "fatal"
        if place is not None:
            tell_gateway(self.directory, place)
        self.port_file = directory / f"port{name}"
        self.port_file.unlink(missing_ok=True)
        arguments = [self.directory, CLINIC, self.port_file, self.fatal]
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.url = f"https://127.0.0.1:{self._port()}"

    def _port(self) -> int:
        deadline = time.monotonic() + START_SECONDS
        while not self.port_file.exists():
            assert self.process.poll() is None, "the gateway ended"
            assert time.monotonic() < deadline, "the gateway did not come up"
            time.sleep(0.02)
        return int(self.port_file.read_text())

    def enrol(self, device: str) -> Ed25519PrivateKey:
        """Make a device key and enrol it."""
        key = Ed25519PrivateKey.generate()
        (self.directory / "enrolled" / f"{device}.pem").write_bytes(public_pem(key.public_key()))
        return key

    def client(self) -> httpx.Client:
        context = ssl.create_default_context(cafile=str(self.directory / "gateway-ca.pem"))
        return httpx.Client(base_url=self.url, verify=context, trust_env=False, timeout=20)

    def submit(
        self, journal: JournalOf, key: Ed25519PrivateKey, first: int = 1, last: int | None = None
    ) -> httpx.Response:
        """Send entries as their kiosk does."""
        with self.client() as client:
            return submit(client, journal, key, first, last)

    def console(self) -> dict[str, object]:
        """What the operator sees."""
        token = (self.directory / "operator-token").read_text()
        with self.client() as client:
            answer = client.get("/console/rows", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
        rows = answer.json()
        assert isinstance(rows, dict)
        return rows

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=15)


def submit(
    client: httpx.Client,
    journal: JournalOf,
    key: Ed25519PrivateKey,
    first: int = 1,
    last: int | None = None,
) -> httpx.Response:
    """Send entries from ``first`` to ``last`` in a signed batch."""
    body = msgspec.json.encode(journal.batch(first, last))
    headers = signed_headers("POST", f"{client.base_url}/v1/batches", body, key, journal.device)
    return client.post("/v1/batches", content=body, headers=headers)


def answer_of(response: httpx.Response) -> BatchAnswer:
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=BatchAnswer)
