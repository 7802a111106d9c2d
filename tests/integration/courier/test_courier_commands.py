"""The three commands of a courier's round, as an engineer types them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from firmware.cli import main
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
