"""The three commands of a courier's round, as an engineer types them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from firmware.cli import main
from store_forward.contract.resolutions import CaseVerdict, Verdict
from tests.fakes.kiosk_in_sync import kiosk_in_sync
from tests.fakes.running_gateway import running_gateway
from tests.integration.backup.test_spare_machine import Machine
from tests.integration.sync.books import DEVICE, expect_all_recorded_once


def test_a_round_trip_of_the_stick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    with running_gateway(tmp_path / "gateway") as gateway:
        machine = Machine(tmp_path / "kiosk", gateway, gateway.enrol(DEVICE))
        machine.provision()
        for name in ("gateway-courier.pem", "gateway-receipt.pem"):
            shutil.copy(gateway.directory / name, machine.folder / "keys" / name)
        deployment = ("--deployment", str(machine.deployment))
        with kiosk_in_sync(machine.store, DEVICE) as kiosk:
            kiosk.record_starts(3)
            assert main(["courier", "export", *deployment, "--out", str(stick)]) == 0
            assert "3 entries, 1 to 3" in capsys.readouterr().out
            (bundle,) = stick.glob("*.courier")
            into = ("--dir", str(gateway.directory))
            assert main(["gateway", "courier", "import", str(bundle), *into]) == 0
            assert "3 accepted" in capsys.readouterr().out
            (receipts,) = stick.glob("*.receipts")
            assert main(["courier", "import", str(receipts), *deployment]) == 0
            assert "acknowledged up to entry 3" in capsys.readouterr().out
            expect_all_recorded_once(gateway, kiosk, 3)
            assert main(["courier", "export", *deployment, "--out", str(stick)]) == 0
            assert "nothing to carry" in capsys.readouterr().out
            bundle.write_bytes(bundle.read_bytes()[:-1])
            assert main(["gateway", "courier", "import", str(bundle), *into]) == 2
            error = capsys.readouterr().err
            assert "Nothing was applied" in error
            assert error.count("\n") == 1


def test_a_decision_comes_back_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()

    def said(*words: str | Path) -> str:
        assert main([str(word) for word in words]) == 0
        return capsys.readouterr().out

    with running_gateway(tmp_path / "gateway") as gateway:
        machine = Machine(tmp_path / "kiosk", gateway, gateway.enrol(DEVICE))
        machine.provision()
        for name in ("gateway-courier.pem", "gateway-receipt.pem"):
            shutil.copy(gateway.directory / name, machine.folder / "keys" / name)
        deployment = ("--deployment", machine.deployment)
        into = ("--dir", gateway.directory)
        with kiosk_in_sync(machine.store, DEVICE) as kiosk:
            kiosk.record_starts(2)
            kiosk.core.outbox.park(2, "http_400")
            told = said("courier", "export", *deployment, "--out", stick)
            assert "holds      1 entries, 1 to 1" in told
            assert "tells      of 1 that are parked here" in told
            (bundle,) = stick.glob("*000001.courier")
            told = said("gateway", "courier", "import", bundle, *into)
            assert "cases      open about entries 2: decide at the console" in told
            assert "decided" not in said(
                "courier", "import", bundle.with_suffix(".receipts"), *deployment
            )

            case = f"/v1/cases/parked:{kiosk.store.identity.incarnation}:2/resolve"
            verdict = CaseVerdict(DEVICE, Verdict.SETTLED, "staff-7", "booked_by_hand")
            assert gateway.ask_as_operator(case, verdict).status_code == 200
            told = said("courier", "export", *deployment, "--out", stick)
            assert "holds      no entries: it asks what was decided" in told
            (bundle,) = stick.glob("*000002.courier")
            assert "entries       none" in said("verify-journal", bundle)
            told = said("gateway", "courier", "import", bundle, *into)
            assert "decisions  1 for the kiosk" in told
            answers = bundle.with_suffix(".receipts")
            told = said("courier", "import", answers, *deployment)
            assert "decided at the gateway: entry 2 settled (booked_by_hand)\n" in told
            assert "decided" not in said("courier", "import", answers, *deployment)
            assert "nothing to carry" in said("courier", "export", *deployment, "--out", stick)
