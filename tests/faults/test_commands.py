"""Commands at a kiosk whose disk cannot be read for a moment: one line each, nothing changed."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.cli import main
from store_forward.contract.keys import private_pem, public_pem, write_private
from store_forward.store import Store
from tests.fakes.kiosk_in_sync import KEY
from tests.faults.campaign import ROOT
from tests.faults.injector import TROUBLES, Injector, environment
from tests.integration.backup.test_spare_machine import DEPLOYMENT, escrow_pair
from tests.unit.store.builders import DEVICE, entries

COMMANDS = {
    "outbox status": ("outbox", "status", "--deployment", "kiosk.toml"),
    "keys status": ("keys", "status", "--deployment", "kiosk.toml"),
    "verify-journal": ("verify-journal", "state/store.db", "--key", "keys/store.key"),
    "backup create": (
        *("backup", "create", "--deployment", "kiosk.toml"),
        *("--out", "new.backup", "--escrow", "escrow-public.pem"),
    ),
    "courier export": ("courier", "export", "--deployment", "kiosk.toml", "--out", "."),
}
MOST_READS = 500
EVERY = 4
"""Each fourth read of a command fails in turn; the functions behind it are swept read by read."""


def provision(folder: Path) -> None:
    """A kiosk with a few entries that wait."""
    for name in ("state", "keys", "run"):
        (folder / name).mkdir(parents=True)
    device_key = Ed25519PrivateKey.generate()
    write_private(folder / "keys" / "store.key", KEY.hex_digits.encode())
    write_private(folder / "keys" / "device.pem", private_pem(device_key))
    (folder / "keys" / "gateway-courier.pem").write_bytes(public_pem(device_key.public_key()))
    (folder / "kiosk.toml").write_text(DEPLOYMENT.format(device=DEVICE, url="https://127.0.0.1:1"))
    escrow_pair(folder)
    with Store.open(folder / "state" / "store.db", KEY, device=DEVICE, create=True) as store:
        store.journal.append(entries(6))


def run_on_bad_reads(folder: Path, command: str) -> None:
    """Runs in a process in which calls can be made to fail."""
    provision(folder / "prepared")
    injector = Injector()
    here = folder / "kiosk"
    arguments = [
        str(here / word) if "." in word or "/" in word else word for word in COMMANDS[command]
    ]
    failed = 0
    for nth in range(1, MOST_READS, EVERY):
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(folder / "prepared", here)
        before = kept(here)
        said = io.StringIO()
        refusing = injector.refusing(here, TROUBLES["unreadable-once"], nth)
        with redirect_stderr(said), redirect_stdout(io.StringIO()), refusing:
            code = main(arguments)
        if injector.fired == 0:
            assert failed > 0, "no read of this command matters"
            return
        told = said.getvalue()
        if code != 0:
            failed += 1
            assert "Traceback" not in told
            assert command == "verify-journal" or str(here) in told, told
        assert kept(here) == before, f"read {nth}: {told}"
        assert not list(here.rglob("*.quarantined-*"))


def kept(folder: Path) -> list[bytes]:
    """The files that a command which only reads must leave alone."""
    return [
        path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".segment", ".key", ".pem", ".toml")
    ]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_read_that_fails_is_one_line_for_the_operator(tmp_path: Path, command: str) -> None:
    code = (
        "import sys, pathlib, tests.faults.test_commands as t;"
        "t.run_on_bad_reads(pathlib.Path(sys.argv[1]), sys.argv[2])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path, command],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
