"""The import arrows hold, and the check that says so can see each of them broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

PROJECT = Path(__file__).parents[2]
PACKAGES = ("firmware", "ui", "store_forward", "devices", "image_build")
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

PLANTS = [
    ("devices-alone", "devices/messages.py", "import store_forward.contract.wire"),
    ("store-forward-alone", "store_forward/contract/wire.py", "import firmware.config.model"),
    ("ui-alone", "ui/theme/__init__.py", "import firmware.config.model"),
    ("ui-alone", "ui/screens/__init__.py", "import devices.messages"),
    ("messages-alone", "firmware/messages/views.py", "import firmware.config.model"),
    ("messages-alone", "firmware/messages/intents.py", "import devices.messages"),
    ("firmware-without-ui", "firmware/core/__init__.py", "import ui.theme"),
    ("image-build-alone", "image_build/recipe.py", "import firmware.config.model"),
    ("kivy-in-ui", "firmware/core/__init__.py", "import kivy.clock"),
    ("sqlite-in-store-and-gateway", "store_forward/sync/__init__.py", "import sqlite3"),
    ("sqlite-in-store-and-gateway", "firmware/core/__init__.py", "import sqlcipher3.dbapi2"),
    ("serial-in-devices", "firmware/supervisor/__init__.py", "from serial import Serial"),
    ("device-classes-apart", "devices/id_reader/__init__.py", "import devices.cash_acceptor"),
    (
        "emulators-apart",
        "devices/cash_acceptor/emulator.py",
        "from devices.cash_acceptor import protocol",
    ),
    (
        "emulators-not-shipped",
        "firmware/supervisor/__init__.py",
        "import devices.cash_acceptor.emulator",
    ),
    ("emulators-not-shipped", "firmware/core/__init__.py", "import devices.lab"),
    ("demo-not-shipped", "firmware/core/__init__.py", "import firmware.demo"),
    (
        "assembly-names-drivers",
        "firmware/supervisor/__init__.py",
        "import devices.cash_acceptor.driver",
    ),
    (
        "assembly-names-drivers",
        "firmware/supervisor/__init__.py",
        "import devices.link.serial_port",
    ),
    ("core-and-supervisor-apart", "firmware/core/__init__.py", "import firmware.supervisor"),
    (
        "store-forward-layers",
        "store_forward/contract/wire.py",
        "import store_forward.store.errors",
    ),
    (
        "gateway-without-kiosk-store",
        "store_forward/gateway/__init__.py",
        "import store_forward.store.errors",
    ),
    ("no-cycles", "firmware/config/model.py", "import firmware.assembly.kiosk"),
]


def lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and the contracts, in a folder that a test may spoil."""
    only_code = shutil.ignore_patterns("__pycache__", "*.po", "*.png", "*.ttf", "*.otf")
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=only_code)
    shutil.copyfile(PROJECT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def test_every_import_keeps_to_the_arrows() -> None:
    found = lint(PROJECT)

    assert found.returncode == 0, found.stdout + found.stderr


def test_a_copy_without_a_plant_is_clean(copy: Path) -> None:
    found = lint(copy)

    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(("contract", "path", "line"), PLANTS)
def test_a_planted_import_is_found(copy: Path, contract: str, path: str, line: str) -> None:
    module = copy / path
    module.write_text(f"{module.read_text()}\n{line}\n")

    found = lint(copy, "--contract", contract)

    assert found.returncode == 1, found.stdout + found.stderr
    assert "BROKEN" in found.stdout


def test_every_contract_has_a_plant_that_breaks_it() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    contracts = {contract["id"] for contract in settings["tool"]["importlinter"]["contracts"]}

    assert contracts == {contract for contract, _, _ in PLANTS}


def test_an_emulator_shares_no_module_with_the_driver_it_tests() -> None:
    graph = grimp.build_graph("devices", cache_dir=None)
    emulators = sorted(graph.find_matching_modules("devices.*.emulator"))

    assert emulators
    for emulator in emulators:
        driver = emulator.removesuffix("emulator") + "driver"
        shared = graph.find_upstream_modules(emulator) & graph.find_upstream_modules(driver)
        assert shared == set(), f"{emulator} and {driver}"
