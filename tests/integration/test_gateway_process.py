"""The gateway as a process of its own: first start, port file, end, sudden death."""

from __future__ import annotations

import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.facts import NoteCredited
from store_forward.contract.keys import public_pem
from store_forward.contract.wire import BatchAnswer
from store_forward.gateway.serve import GatewayFailed, GatewayOptions, listen
from tests.fakes.journal_of import JournalOf, signed_headers
from tests.fakes.running_gateway import CLINIC

KIOSK = "QH-01"

PROGRAM = """
import sys
from pathlib import Path
from store_forward.gateway.serve import GatewayOptions, serve
directory, reference, port_file = map(Path, sys.argv[1:])
serve(GatewayOptions(directory, reference, port_file=port_file))
"""

START_SECONDS = 20.0


class GatewayProcess:
    """A gateway in its own process."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "gateway"
        self.port_file = directory / "port"
        self.port_file.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, self.directory, CLINIC, self.port_file],
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

    def client(self) -> httpx.Client:
        context = ssl.create_default_context(cafile=str(self.directory / "gateway-ca.pem"))
        return httpx.Client(base_url=self.url, verify=context, trust_env=False)

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=15)


def test_the_first_start_makes_everything_private_and_sigterm_ends_it(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path)
    with gateway.client() as client:
        assert client.get("/v1/health").status_code == 200
    made = {path.name: path.stat().st_mode & 0o077 for path in gateway.directory.iterdir()}
    assert {"gateway.db", "gateway-ca.pem", "receipt-key.pem", "operator-token", "enrolled"} <= set(
        made
    )
    assert set(made.values()) == {0}
    assert gateway.end(signal.SIGTERM) == 0


def test_what_was_acknowledged_survives_a_sudden_death(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path)
    key = Ed25519PrivateKey.generate()
    enrolled = gateway.directory / "enrolled" / f"{KIOSK}.pem"
    enrolled.write_bytes(public_pem(key.public_key()))
    journal = JournalOf(KIOSK)
    for number in range(20):
        journal.record(NoteCredited(None, f"n-{number}", 1000))
    first = send(gateway, journal, 1, 10, key)
    gateway.end(signal.SIGKILL)

    gateway = GatewayProcess(tmp_path)
    again = send(gateway, journal, 1, 20, key)
    gateway.end(signal.SIGTERM)

    outcomes = [str(result.outcome) for result in again.results]
    assert outcomes == ["duplicate"] * 10 + ["accepted"] * 10
    assert first.receipt.ack_seq == 10


def send(
    gateway: GatewayProcess, journal: JournalOf, first: int, last: int, key: Ed25519PrivateKey
) -> BatchAnswer:
    body = msgspec.json.encode(journal.batch(first, last))
    headers = signed_headers("POST", f"{gateway.url}/v1/batches", body, key, KIOSK)
    with gateway.client() as client:
        response = client.post("/v1/batches", content=body, headers=headers)
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=BatchAnswer)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "example.org"])
def test_an_address_others_can_reach_needs_to_be_allowed(tmp_path: Path, host: str) -> None:
    with pytest.raises(GatewayFailed, match="say so explicitly"):
        listen(GatewayOptions(tmp_path, CLINIC, host=host))


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with listen(GatewayOptions(tmp_path, CLINIC)) as first:
        port = first.getsockname()[1]
        with pytest.raises(GatewayFailed, match=str(port)):
            listen(GatewayOptions(tmp_path, CLINIC, port=port))
