"""The gateway as a process of its own: first start, port file, end, sudden death."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from store_forward.contract.facts import NoteCredited
from store_forward.gateway.serve import GatewayFailed, GatewayOptions, listen
from tests.fakes.gateway_process import GatewayProcess, answer_of
from tests.fakes.journal_of import JournalOf
from tests.fakes.running_gateway import CLINIC
from tests.postgres.places import Place

KIOSK = "QH-01"


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


def test_what_was_acknowledged_survives_a_sudden_death(tmp_path: Path, place: Place) -> None:
    gateway = GatewayProcess(tmp_path, place)
    key = gateway.enrol(KIOSK)
    journal = notes(20)
    first = answer_of(gateway.submit(journal, key, 1, 10))
    gateway.end(signal.SIGKILL)

    gateway = GatewayProcess(tmp_path, place)
    again = answer_of(gateway.submit(journal, key, 1, 20))
    gateway.end(signal.SIGTERM)

    outcomes = [str(result.outcome) for result in again.results]
    assert outcomes == ["duplicate"] * 10 + ["accepted"] * 10
    assert first.receipt.ack_seq == 10


def test_killed_between_commit_and_answer_it_has_the_batch_once(
    tmp_path: Path, place: Place
) -> None:
    gateway = GatewayProcess(tmp_path, place)
    key = gateway.enrol(KIOSK)
    journal = notes(3)
    gateway.fatal.touch()
    with pytest.raises(httpx.TransportError):
        gateway.submit(journal, key)
    assert gateway.process.wait(timeout=15) == -signal.SIGKILL
    gateway.fatal.unlink()

    gateway = GatewayProcess(tmp_path, place)
    again = answer_of(gateway.submit(journal, key))
    ledger = gateway.console()["ledger"]
    gateway.end(signal.SIGTERM)

    assert [str(result.outcome) for result in again.results] == ["duplicate"] * 3
    assert again.receipt.ack_seq == 3
    assert ledger == {f"cash_box:{KIOSK}": 3000, f"suspense:unassigned:{KIOSK}": -3000}


def notes(count: int) -> JournalOf:
    """As many notes of ten yuan in the cash box."""
    journal = JournalOf(KIOSK)
    for number in range(count):
        journal.record(NoteCredited(None, f"n-{number}", 1000))
    return journal


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "example.org"])
def test_an_address_others_can_reach_needs_to_be_allowed(tmp_path: Path, host: str) -> None:
    with pytest.raises(GatewayFailed, match="say so explicitly"):
        listen(GatewayOptions(tmp_path, CLINIC, host=host))


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with listen(GatewayOptions(tmp_path, CLINIC)) as first:
        port = first.getsockname()[1]
        with pytest.raises(GatewayFailed, match=str(port)):
            listen(GatewayOptions(tmp_path, CLINIC, port=port))
