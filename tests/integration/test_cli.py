"""The command line as people meet it: help that teaches, and one clear line for every mistake.

Each test starts the real program. What is wrong with the files of a kiosk is the business of
``core``, ``sync`` and ``verify-journal``, which open them; the other processes hold none.
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.demo.workspace import KIOSK_ID, Workspace, prepare
from store_forward.contract.facts import KioskStarted
from store_forward.store import driver
from store_forward.store.driver import Access
from store_forward.store.keys import load_key
from store_forward.store.store import Store
from tests.fakes.command_line import Ended, outpost
from tests.fakes.journal_of import entry_of
from tests.fakes.running_gateway import CLINIC

OTHER_KEY = "ab" * 32


def expect_one_line(ended: Ended, *words: str) -> None:
    """Exit code 2, nothing on stdout, one line on stderr with all these words."""
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    for word in words:
        assert word in line


@pytest.fixture(name="space", scope="module")
def _space(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A kiosk with keys and a journal of three entries. Tests damage a copy."""
    space = prepare(tmp_path_factory.mktemp("kiosk"), width_px=1080, height_px=1920)
    key = load_key(space.keys / "store.key")
    with Store.open(store_of(space), key, device=KIOSK_ID, create=True) as store:
        store.journal.append([entry_of(KioskStarted(f"test {number}")) for number in range(3)])
    return space


@pytest.fixture(name="kiosk")
def _kiosk(space: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(space.root, tmp_path / "kiosk")
    return Workspace(tmp_path / "kiosk", space.lab_port, space.proxy_port)


def store_of(space: Workspace) -> Path:
    return space.state / "store.db"


# --- help ----------------------------------------------------------------------------------------

TAUGHT = {
    "": ["outpost demo", "outpost gateway", "outpost config check FILE", "verify-journal"],
    "demo": ["--scripted", "--out", "Xvfb", "Ctrl-C"],
    "test": ["ruff", "mypy", "pytest"],
    "core": ["--deployment", "store key"],
    "devices": ["--deployment", "peripherals"],
    "sync": ["--deployment", "gateway"],
    "ui": ["--deployment", "screen"],
    "gateway": ["--dir", "--reference", "enrol", "/schema", "--beyond-loopback"],
    "lab": ["--device", "cash_acceptor/ccnet", "curl"],
    "config": ["check"],
    "config check": ["FILE", "every error"],
    "verify-journal": ["--key", "store.db", "read-only", "--device-key", "--also"],
    "backup": ["create", "restore", "escrow key"],
    "backup create": ["--out", "whole or not at all"],
    "backup restore": ["--onto", "--escrow-key", "lost with it"],
    "courier": ["export", "import", "outpost gateway courier import", "nothing is booked twice"],
    "gateway courier": ["import", "once, however often"],
    "bench": ["main-path", "--json", "outpost bench store --help"],
    "bench store": ["--quick", "--dir", "--json", "Exit code", "plain SQLite"],
}


@pytest.mark.parametrize("name", TAUGHT)
def test_help_teaches(name: str) -> None:
    ended = outpost(*name.split(), "--help")
    assert (ended.code, ended.err) == (0, "")
    text = " ".join(ended.out.split())
    for words in TAUGHT[name]:
        assert words in text


# --- arguments -----------------------------------------------------------------------------------

MISTAKES = {
    "no command": ("", "COMMAND"),
    "an unknown command": ("fly", "fly"),
    "an unknown option": ("demo --fly", "--fly"),
    "an unknown option of a process": ("core --deployment FILE --fly", "--fly"),
    "no deployment file": ("core", "--deployment"),
    "a missing deployment file": ("sync --deployment /nowhere.toml", "/nowhere.toml"),
    "a missing deployment file of the screen": ("ui --deployment /nowhere.toml", "/nowhere.toml"),
    "evidence of a demo that plays nothing": ("demo --out DIR", "--scripted"),
    "an unknown measurement": ("bench walk", "main-path"),
    "no action on the configuration": ("config", "check"),
    "a journal nobody names": ("verify-journal", "PATH"),
    "a gateway without a folder": ("gateway --reference FILE", "--dir"),
    "a gateway on a bad address": (
        "gateway --dir DIR --reference FILE --listen 127.0.0.1:99999",
        "99999",
    ),
    "a lab without a folder": ("lab", "--run-dir"),
    "a lab with an unknown option": ("lab --run-dir DIR --fly", "--fly"),
    "a lab with an unknown device": ("lab --run-dir DIR --device x=toaster", "escpos"),
    "a lab open to the network": ("lab --run-dir DIR --http 0.0.0.0:80", "loopback"),
    "a lab with a bad proxy": ("lab --run-dir DIR --proxy 1:x", "9443:8443"),
    "a lab whose folder cannot be made": ("lab --run-dir /proc/nowhere", "/proc/nowhere"),
    "a lab that has no token for the gateway": (
        "lab --run-dir DIR --gateway-url https://127.0.0.1:1",
        "--operator-token-file",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_arguments_is_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words, told = MISTAKES[name]
    places = {"DIR": tmp_path / "dir", "FILE": tmp_path / "file"}
    expect_one_line(outpost(*(places.get(word, word) for word in words.split())), told)


# --- the deployment file -------------------------------------------------------------------------


def test_config_check_previews_a_right_file(kiosk: Workspace) -> None:
    ended = outpost("config", "check", kiosk.deployment)
    assert (ended.code, ended.err) == (0, "")
    assert KIOSK_ID in ended.out


def test_config_check_tells_every_error_with_its_line(kiosk: Workspace) -> None:
    text = kiosk.deployment.read_text()
    broken = text.replace('kind = "id_reader"', 'kind = "toaster"')
    broken = broken.replace("width_px = 1080", "width_px = 7")
    kiosk.deployment.write_text(broken + "\n[wings]\ncount = 2\n")
    ended = outpost("config", "check", kiosk.deployment)
    assert (ended.code, ended.out) == (2, "")
    *errors, count = ended.err.splitlines()
    assert count == "3 errors"
    places = [errors_line.split(":")[1] for errors_line in errors]
    lines = broken.splitlines()
    assert "toaster" in lines[int(places[0]) - 1]
    assert "width_px" in lines[int(places[1]) - 1]


@pytest.mark.parametrize("process", ["core", "devices", "sync", "ui"])
def test_no_process_starts_on_a_wrong_deployment_file(kiosk: Workspace, process: str) -> None:
    kiosk.deployment.write_text(kiosk.deployment.read_text().replace("width_px", "wdith_px"))
    ended = outpost(process, "--deployment", kiosk.deployment)
    assert (ended.code, ended.out) == (2, "")
    assert "wdith_px" in ended.err
    assert "Traceback" not in ended.err


# --- keys and store ------------------------------------------------------------------------------


def remove_store_key(kiosk: Workspace) -> None:
    (kiosk.keys / "store.key").unlink()


def open_store_key_to_all(kiosk: Workspace) -> None:
    (kiosk.keys / "store.key").chmod(0o644)


def put_another_store_key(kiosk: Workspace) -> None:
    (kiosk.keys / "store.key").write_text(OTHER_KEY)


def spoil_store_key(kiosk: Workspace) -> None:
    (kiosk.keys / "store.key").write_text("no key")


def remove_device_key(kiosk: Workspace) -> None:
    (kiosk.keys / "device.pem").unlink()


def spoil_device_key(kiosk: Workspace) -> None:
    (kiosk.keys / "device.pem").write_text("no key")


def cut_store_off(kiosk: Workspace) -> None:
    os.truncate(store_of(kiosk), 5000)


def leave_an_unencrypted_file(kiosk: Workspace) -> None:
    store_of(kiosk).unlink()
    plain = sqlite3.connect(store_of(kiosk))
    plain.execute("CREATE TABLE journal (entry)")
    plain.close()


def tamper(kiosk: Workspace, *statements: str) -> None:
    key = load_key(kiosk.keys / "store.key")
    connection = driver.open_connection(store_of(kiosk), key, Access.WRITE)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def let_newer_software_write(kiosk: Workspace) -> None:
    tamper(kiosk, "PRAGMA user_version = 99")


def lose_the_schema(kiosk: Workspace) -> None:
    tamper(kiosk, "PRAGMA user_version = 0")


def change_an_entry(kiosk: Workspace) -> None:
    tamper(
        kiosk,
        "DROP TRIGGER event_no_update",
        "UPDATE event SET body = X'7b7d' WHERE seq = 2",
    )


def take_another_kiosks_name(kiosk: Workspace) -> None:
    kiosk.deployment.write_text(kiosk.deployment.read_text().replace(KIOSK_ID, "QH-K02"))


def name_a_folder_that_is_not_there(kiosk: Workspace) -> None:
    text = kiosk.deployment.read_text()
    kiosk.deployment.write_text(text.replace('state = "state"', 'state = "nowhere/state"'))


SPOILT: dict[str, tuple[Callable[[Workspace], None], str, str]] = {
    "store key missing": (remove_store_key, "store.key", "missing"),
    "store key readable by all": (open_store_key_to_all, "store.key", "chmod 0600"),
    "another store key": (put_another_store_key, "store.key", "an older copy, another"),
    "store key is no key": (spoil_store_key, "store.key", "64 hexadecimal digits"),
    "device key missing": (remove_device_key, "device.pem", "provision"),
    "device key is no key": (spoil_device_key, "device.pem", "provision"),
    "store not encrypted": (leave_an_unencrypted_file, "store.db", "without encryption"),
    "newer schema": (let_newer_software_write, "store.db", "schema 99"),
    "no schema": (lose_the_schema, "store.db", "schema 0"),
    "another kiosk's store": (take_another_kiosks_name, "store.db", "belongs to kiosk QH-K01"),
    "no such folder": (name_a_folder_that_is_not_there, "nowhere/state", "directory"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_core_does_not_start_on_files_it_cannot_trust(kiosk: Workspace, name: str) -> None:
    spoil, file, told = SPOILT[name]
    spoil(kiosk)
    before = store_of(kiosk).read_bytes()
    expect_one_line(outpost("core", "--deployment", kiosk.deployment), "outpost core:", file, told)
    assert store_of(kiosk).read_bytes() == before


@pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=["none", "empty", "other"])
def test_sync_does_not_start_without_the_gateways_authority(
    kiosk: Workspace, content: bytes | None
) -> None:
    if content is not None:
        (kiosk.keys / "gateway-ca.pem").write_bytes(content)
    ended = outpost("sync", "--deployment", kiosk.deployment)
    expect_one_line(ended, "outpost sync:", "gateway-ca.pem", "provision it")


def test_sync_does_not_make_a_store(kiosk: Workspace) -> None:
    store_of(kiosk).unlink()
    ended = outpost("sync", "--deployment", kiosk.deployment)
    expect_one_line(ended, "store.db", "there is no store")
    assert not store_of(kiosk).exists()


# --- the journal's verifier ----------------------------------------------------------------------


def verify(kiosk: Workspace, *more: str | Path) -> Ended:
    return outpost("verify-journal", store_of(kiosk), "--key", kiosk.keys / "store.key", *more)


def test_a_whole_journal_is_verified(kiosk: Workspace) -> None:
    ended = verify(kiosk)
    assert (ended.code, ended.err) == (0, "")
    assert "complete and unchanged" in ended.out


def test_a_changed_entry_is_found(kiosk: Workspace) -> None:
    change_an_entry(kiosk)
    ended = verify(kiosk)
    assert (ended.code, ended.err) == (1, "")
    assert "entry 2 does not match its hash" in ended.out


def test_a_journal_that_was_cut_off_is_a_finding(kiosk: Workspace) -> None:
    cut_store_off(kiosk)
    ended = verify(kiosk)
    assert (ended.code, ended.err) == (1, "")
    assert "no whole page" in ended.out
    assert "cut off" in ended.out


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda kiosk: store_of(kiosk).unlink(), "there is no store"),
        (leave_an_unencrypted_file, "without encryption"),
        (put_another_store_key, "older copy, another store's, or damaged"),
        (remove_store_key, "the store key is missing"),
    ],
    ids=["missing", "not encrypted", "another key", "no key"],
)
def test_what_cannot_be_verified_is_one_line(
    kiosk: Workspace, spoil: Callable[[Workspace], None], told: str
) -> None:
    spoil(kiosk)
    expect_one_line(verify(kiosk), "outpost verify-journal:", told)


def test_a_gateway_key_that_is_none_is_one_line(kiosk: Workspace) -> None:
    expect_one_line(verify(kiosk, "--gateway-key", kiosk.deployment), "no public key in PEM form")


# --- the gateway ---------------------------------------------------------------------------------


def gateway(folder: Path, *more: str | Path, reference: Path = CLINIC) -> Ended:
    listen = () if "--listen" in more else ("--listen", "127.0.0.1:0")
    return outpost("gateway", "--dir", folder, "--reference", reference, *listen, *more)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("clinic = [", ["not TOML"]),
        ('[clinic]\ntimezone = "Mars/Olympus"\n', ["[[department]]", "Mars/Olympus"]),
        ("", ["[[department]]"]),
    ],
    ids=["no TOML", "two errors", "empty"],
)
def test_every_error_of_a_clinic_file_is_told(tmp_path: Path, text: str, told: list[str]) -> None:
    file = tmp_path / "clinic.toml"
    file.write_text(text)
    ended = gateway(tmp_path / "g", reference=file)
    assert (ended.code, ended.out) == (2, "")
    lines = ended.err.splitlines()
    assert all("clinic.toml" in line for line in lines), lines
    for word in told:
        assert word in ended.err


def test_an_occupied_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        port = occupied.getsockname()[1]
        ended = gateway(tmp_path / "g", "--listen", f"127.0.0.1:{port}")
    expect_one_line(ended, f"127.0.0.1:{port}", "in use")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "hospital.example"])
def test_the_gateway_is_not_open_to_the_network_by_mistake(tmp_path: Path, host: str) -> None:
    expect_one_line(gateway(tmp_path / "g", "--listen", f"{host}:0"), host, "--beyond-loopback")


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "g").write_text("")
    expect_one_line(gateway(tmp_path / "g"), str(tmp_path / "g"), "directory")


def test_a_damaged_database_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_bytes(b"no database" * 1000)
    expect_one_line(gateway(tmp_path), "gateway.db", "damaged", "backup")
    assert (tmp_path / "gateway.db").read_bytes() == b"no database" * 1000


@pytest.mark.skipif(Path("/dev/dri").exists(), reason="this machine has a graphics card")
def test_a_screen_without_anything_to_draw_on_says_so_instead_of_waiting(
    kiosk: Workspace,
) -> None:
    expect_one_line(outpost("ui", "--deployment", kiosk.deployment), "outpost ui", "DISPLAY")
