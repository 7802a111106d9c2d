"""A kiosk, a spare machine, a gateway and a hospital's drawer, with every kind of file in them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid6 import uuid7

from store_forward.contract.facts import Entry, NoteCredited
from store_forward.contract.keys import private_pem, public_pem, write_private
from store_forward.contract.sealed import signer_text
from store_forward.gateway.serve import GatewayOptions, prepare
from store_forward.store.archive.anchors import Signer
from store_forward.store.store import Store
from tests.fakes.command_line import Ended
from tests.fakes.forking_outpost import Outpost
from tests.fakes.journal_of import entry_of
from tests.fakes.kiosk_in_sync import KEY
from tests.fakes.running_gateway import CLINIC
from tests.integration.backup.test_spare_machine import DEPLOYMENT, escrow_pair
from tests.integration.sync.books import DEVICE

STEP_BYTES = 1000
"""One byte in so many is changed in turn."""

SMALL_STEP_BYTES = 16
"""In files of less than ``STEP_BYTES``."""

SHARED_MEMORY = "-shm"
"""Beside an open database: it holds nothing, and SQLite makes it anew at each opening."""

LOG = "-wal"
"""Beside an open database: it comes empty with the first who only reads, and means nothing so."""

ENTRIES = 12
"""Recorded before each of two rounds of the courier, and after them."""


@dataclass(frozen=True)
class Machine:
    """A kiosk's folder."""

    folder: Path

    @property
    def deployment(self) -> Path:
        return self.folder / "kiosk.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def store(self) -> Path:
        return self.state / "store.db"

    @property
    def envelope(self) -> Path:
        return self.state / "store.keys"

    def key(self, name: str) -> Path:
        return self.folder / "keys" / name


@dataclass(frozen=True)
class Scene:
    """Where everything lies.

    ``kiosk`` is at rest, its key in a plain file; ``cut`` is the same a little later, as a power
    cut left it; ``sealed`` has its key in an envelope; ``spare`` has no journal.
    """

    root: Path
    outpost: Outpost

    @property
    def kiosk(self) -> Machine:
        return Machine(self.root / "kiosk")

    @property
    def cut(self) -> Machine:
        return Machine(self.root / "cut")

    @property
    def sealed(self) -> Machine:
        return Machine(self.root / "sealed")

    @property
    def spare(self) -> Machine:
        return Machine(self.root / "spare")

    @property
    def gateway(self) -> Path:
        return self.root / "gateway"

    @property
    def escrow(self) -> Path:
        return self.root / "hospital" / "escrow.pem"

    @property
    def escrow_public(self) -> Path:
        return self.root / "hospital" / "escrow-public.pem"

    @property
    def device_public(self) -> Path:
        return self.gateway / "enrolled" / f"{DEVICE}.pem"

    @property
    def backup(self) -> Path:
        return self.root / "hospital" / "kiosk.backup"

    @property
    def stick(self) -> Path:
        return self.root / "stick"

    @property
    def bundle(self) -> Path:
        return next(self.stick.glob("*.courier"))

    @property
    def receipts(self) -> Path:
        return next(self.stick.glob("*.receipts"))

    def copy(self, to: Path) -> Scene:
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.root, to)
        return Scene(to, self.outpost)


def files(folder: Path) -> dict[Path, str]:
    """What every file under a folder holds."""
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
        and not path.name.endswith(SHARED_MEMORY)
        and not (path.name.endswith(LOG) and path.stat().st_size == 0)
    }


def offsets(path: Path) -> Iterator[int]:
    """Where bytes are changed in turn, and the last byte."""
    size = path.stat().st_size
    yield from range(0, size - 1, STEP_BYTES if size >= STEP_BYTES else SMALL_STEP_BYTES)
    yield size - 1


@contextmanager
def unchanged(scene: Scene) -> Iterator[None]:
    """Every file there is stays as it is, and no other comes."""
    before = files(scene.root)
    yield
    assert files(scene.root) == before


@contextmanager
def flipped(path: Path, offset: int, bit: int = 1) -> Iterator[None]:
    """One changed byte, for a moment."""
    whole = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(bytes([whole[offset] ^ bit]))
    try:
        yield
    finally:
        path.write_bytes(whole)


def provision(folder: Path, device_key: bytes, gateway: Path) -> None:
    """The folder of a kiosk, as an engineer makes it."""
    for name in ("state", "keys", "run"):
        (folder / name).mkdir(parents=True)
    keys = folder / "keys"
    write_private(keys / "store.key", KEY.hex_digits.encode())
    write_private(keys / "machine.key", b"7a" * 32)
    write_private(keys / "device.pem", device_key)
    for name in ("gateway-courier.pem", "gateway-receipt.pem"):
        shutil.copy(gateway / name, keys / name)
    (folder / "kiosk.toml").write_text(DEPLOYMENT.format(device=DEVICE, url="https://127.0.0.1:1"))


def build(root: Path, outpost: Outpost) -> Scene:
    """Two rounds of a courier, the second not yet brought back; a backup; more entries since."""
    scene = Scene(root, outpost)
    for folder in (scene.stick, scene.escrow.parent):
        folder.mkdir(parents=True)
    escrow_pair(scene.escrow.parent)
    prepare(GatewayOptions(scene.gateway, CLINIC)).database.close()
    device_key = Ed25519PrivateKey.generate()
    scene.device_public.write_bytes(public_pem(device_key.public_key()))
    provision(scene.kiosk.folder, private_pem(device_key), scene.gateway)
    provision(scene.spare.folder, private_pem(device_key), scene.gateway)
    for _ in range(2):
        with Store.open(scene.kiosk.store, KEY, device=DEVICE, create=True) as store:
            store.journal.append([a_note() for _ in range(ENTRIES)])
            signer = Signer(device_key.sign, signer_text(device_key.public_key()), "boot")
            store.checkpoints.make(store.journal.head(), signer, datetime.now(UTC))
        shutil.rmtree(scene.stick)
        scene.stick.mkdir()
        deployment = ("--deployment", scene.kiosk.deployment)
        done(outpost("courier", "export", *deployment, "--out", scene.stick))
        done(outpost("gateway", "courier", "import", scene.bundle, "--dir", scene.gateway))
        before = scene.root / "before"
        shutil.rmtree(before, ignore_errors=True)
        shutil.copytree(scene.kiosk.folder, before)
        done(outpost("courier", "import", scene.receipts, *deployment))
    shutil.rmtree(scene.kiosk.folder)
    before.rename(scene.kiosk.folder)  # the second stick did not come back yet
    _cut(scene)
    done(
        outpost(
            *("backup", "create", *deployment, "--out", scene.backup),
            *("--escrow", scene.escrow_public),
        )
    )
    shutil.copytree(scene.kiosk.folder, scene.sealed.folder)
    deployment = ("--deployment", scene.sealed.deployment)
    done(
        outpost(
            *("keys", "wrap", *deployment, "--machine", "credential"),
            *("--escrow", scene.escrow_public),
        )
    )
    return scene


def _cut(scene: Scene) -> None:
    shutil.copytree(scene.kiosk.folder, scene.root / "running")
    running = Machine(scene.root / "running")
    with Store.open(running.store, KEY, device=DEVICE) as store:
        for _ in range(ENTRIES):
            store.journal.append([a_note()])
        shutil.copytree(running.folder, scene.cut.folder)
    for shared in scene.cut.state.glob(f"*{SHARED_MEMORY}"):
        shared.unlink()
    shutil.rmtree(running.folder)


def a_note() -> Entry:
    return entry_of(NoteCredited(None, str(uuid7()), 1000))


def done(ended: Ended) -> str:
    """What a command that did its work said."""
    assert ended.code == 0, ended
    return ended.out
