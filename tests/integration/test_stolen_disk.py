"""A stolen disk tells nothing: every byte of every file that a kiosk's processes left is searched
for every patient, amount, number and key, in the forms in which text gets onto disks.

What memory holds is not searched. Instead: SQLCipher locks its pages (``VmLck``), and the services
run without core dumps and swap (``tests/image/test_units.py``).
"""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from firmware.demo.workspace import KIOSK_ID, Workspace, prepare, trust_gateway
from store_forward.contract.canonical import encode_entry
from store_forward.store import Role, Store, StoreKey
from store_forward.store.keyring.changing import rotate, wrap
from store_forward.store.keyring.escrow import EscrowKey
from store_forward.store.keyring.loading import MACHINE_KEY, Site, load_store_key
from store_forward.store.keyring.machine import Machine, MachineCredential
from store_forward.store.keyring.tpm import TpmWrapper
from store_forward.store.keyring.tpm_tools import TpmTools
from tests.fakes.busy_kiosk import Order, locked_kilobytes, words_of_the_kiosk
from tests.fakes.command_line import PROJECT, command, environment
from tests.fakes.journal_of import entry_of
from tests.fakes.marker_search import Found, MarkerSearch, forms
from tests.fakes.running_gateway import running_gateway
from tests.fakes.software_tpm import SoftwareTpm

ORDERS = 1000
SECONDS = 80
ACKNOWLEDGED = 300
"""Entries that the gateway has taken when core and sync are killed."""


@pytest.fixture
def kiosk(tmp_path: Path) -> Workspace:
    space = prepare(tmp_path / "kiosk", width_px=1080, height_px=1920)
    (space.keys / "store.key").unlink()
    (space.root / "tmp").mkdir()
    return space


@pytest.fixture
def tpm(tmp_path: Path) -> Iterator[SoftwareTpm]:
    with SoftwareTpm(tmp_path / "tpm") as chip:
        yield chip


@pytest.fixture
def escrow(tmp_path: Path) -> Path:
    path = tmp_path / "escrow-public.pem"
    key = rsa.generate_private_key(65537, 3072).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    path.write_bytes(key.public_bytes(serialization.Encoding.PEM, form))
    return path


@pytest.mark.timeout(240)
def test_no_byte_of_a_killed_kiosks_files_tells_a_patient_an_amount_or_a_key(
    kiosk: Workspace, tpm: SoftwareTpm, escrow: Path
) -> None:
    site = Site(kiosk.state / "store.db", kiosk.keys, KIOSK_ID)
    wrapper = TpmWrapper(TpmTools(tpm.environment))
    wrap(site, wrapper, EscrowKey.load(escrow), now)

    locked = live_a_busy_day(kiosk, tpm, escrow)
    assert locked > 0, "the pages of the store are not locked in memory"
    first = key_of(site, tpm)
    search = search_for(first)
    names = {path.name for path in kiosk.state.iterdir()}
    assert {"store.db", "store.db-wal", "store.keys", "store.db.mirror"} <= names
    assert (kiosk.state / "store.db-wal").stat().st_size > 3_000_000, "nothing was cut"
    assert len(list((kiosk.root / "stick").iterdir())) == 2
    assert told(search, kiosk) == set()

    locked = run_core_and_sync(kiosk, tpm, site)
    assert locked > 0
    assert all(log.stat().st_size > 0 for log in kiosk.logs.iterdir())
    assert told(search, kiosk) == set()

    rotate(site, machine(site, tpm), wrapper, now, data=True)
    assert told(search_for(first, key_of(site, tpm)), kiosk) == set()


def test_the_same_search_finds_every_one_of_them_in_a_plain_database(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "plain.db")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body BLOB)")
    for number in range(ORDERS):
        for fact in Order(number).facts():
            connection.execute(
                "INSERT INTO event (body) VALUES (?)", (encode_entry(entry_of(fact)),)
            )
    connection.commit()
    connection.close()
    texts = {text for number in range(ORDERS) for text in Order(number).texts()}

    found = MarkerSearch(texts).in_files(tmp_path)

    assert {one.text for one in found} == texts


def test_the_search_finds_each_form_at_every_offset() -> None:
    order = Order(7)
    search = MarkerSearch(order.texts())
    for text in order.texts():
        for _, pattern in forms(text):
            for offset in range(17):
                data = b"\xa5" * offset + pattern + b"\xa5" * 11
                assert text in {one.text for one in search.in_bytes(data)}
    assert search.in_bytes(bytes(range(256)) * 100) == set()


# --- the kiosk's processes ---


def live_a_busy_day(kiosk: Workspace, tpm: SoftwareTpm, escrow: Path) -> int:
    """Fill the store and kill its process in mid-transaction; returns its locked memory in KB."""
    words = [sys.executable, "-P", "-m", "tests.fakes.busy_kiosk", str(kiosk.root), str(ORDERS)]
    with subprocess.Popen(
        [*words, str(escrow)],
        cwd=PROJECT,
        env=surroundings(kiosk, tpm),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            return int(process.stdout.readline())
        finally:
            process.kill()


def run_core_and_sync(kiosk: Workspace, tpm: SoftwareTpm, site: Site) -> int:
    """Let the real core and sync run and kill them at once; returns core's locked memory in KB."""
    with running_gateway(kiosk.gateway) as gateway, contextlib.ExitStack() as ending:
        trust_gateway(kiosk, gateway.authority, gateway.receipt_key)
        text = kiosk.deployment.read_text()
        kiosk.deployment.write_text(text.replace(str(kiosk.proxy_port), str(gateway.port)))
        core = start(kiosk, tpm, "core", ending)
        wait_until((kiosk.run / "core.sock").exists, core, kiosk.logs / "core.log")
        sync = start(kiosk, tpm, "sync", ending)
        with Store.open(site.store, key_of(site, tpm), device=KIOSK_ID, role=Role.GUEST) as store:

            def has_drained() -> bool:
                return store.outbox.acked_seq() >= ACKNOWLEDGED

            wait_until(has_drained, sync, kiosk.logs / "sync.log")
        return locked_kilobytes(str(core.pid))


def start(
    kiosk: Workspace, tpm: SoftwareTpm, name: str, ending: contextlib.ExitStack
) -> subprocess.Popen[bytes]:
    log = ending.enter_context((kiosk.logs / f"{name}.log").open("wb"))
    process = subprocess.Popen(
        command(name, "--deployment", kiosk.deployment),
        env=surroundings(kiosk, tpm),
        stdout=log,
        stderr=log,
    )
    ending.callback(process.wait)
    ending.callback(process.send_signal, signal.SIGKILL)
    return process


def surroundings(kiosk: Workspace, tpm: SoftwareTpm) -> dict[str, str]:
    name = "TPM2TOOLS_TCTI"
    more = {name: tpm.environment[name], "TMPDIR": str(kiosk.root / "tmp")}
    return environment(**more)


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not ready():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, f"not in time: {log.read_text()}"
        time.sleep(0.05)


# --- the search ---


def told(search: MarkerSearch, kiosk: Workspace) -> set[Found]:
    """What the kiosk's files tell; the hospital's, which lie beside them, are left out."""
    folders = [path for path in kiosk.root.iterdir() if path.is_dir() and path != kiosk.gateway]
    assert {"state", "keys", "logs", "tmp", "run"} <= {path.name for path in folders}
    return search.in_files(*folders)


def search_for(*keys: StoreKey) -> MarkerSearch:
    texts = [text for number in range(ORDERS) for text in Order(number).texts()]
    secrets = [digits for key in keys for digits in (key.hex_digits, *key.former)]
    raw = [bytes.fromhex(digits) for digits in secrets]
    return MarkerSearch([*texts, *words_of_the_kiosk(), *secrets], raw)


def key_of(site: Site, tpm: SoftwareTpm) -> StoreKey:
    return load_store_key(site.store, site.keys, machine(site, tpm))


def machine(site: Site, tpm: SoftwareTpm) -> Machine:
    tools = TpmTools(tpm.environment)
    return Machine(TpmWrapper(tools), MachineCredential(site.keys / MACHINE_KEY))


def now() -> datetime:
    return datetime.now(UTC)
