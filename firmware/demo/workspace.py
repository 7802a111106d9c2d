"""The folder one demo lives in: keys made on the spot, the deployment file, state, logs."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.core.staff_code import SALT_BYTES, hash_code

KIOSK_ID = "QH-K01"
"""Id of the demo's only kiosk, at a made-up branch clinic."""

STAFF_CODE = "246810"
"""What staff of the made-up clinic type at the screen."""

_DEPLOYMENT = """\
# Deployment file of the demo kiosk, written by `outpost demo`. Try `outpost config check` on it.
[clinic]
code = "QH"
name_zh = "青禾镇分院"
name_en = "Qinghe Town Branch Clinic"

[kiosk]
id = "{kiosk}"
prefix = "A"

[gateway]
url = "https://127.0.0.1:{proxy_port}"

[[device]]
name = "id1"
kind = "id_reader"
driver = "samv"
port = "lab/dev/id1"

[[device]]
name = "cash1"
kind = "cash_acceptor"
driver = "ccnet"
port = "lab/dev/cash1"

[[device]]
name = "printer1"
kind = "receipt_printer"
driver = "escpos"
port = "lab/dev/printer1"

[screen]
width_px = {width_px}
height_px = {height_px}
width_mm = 268.0
height_mm = 476.0
fullscreen = false

[staff]
# The hash of {staff_code}, as `outpost staff-code` makes it. A clinic tells its code to staff only.
code = "{staff_hash}"

[paths]
state = "state"
keys = "keys"
run = "run"
"""


@dataclass(frozen=True)
class Workspace:
    """Paths and ports of one demo."""

    root: Path
    lab_port: int
    proxy_port: int

    @property
    def keys(self) -> Path:
        """The kiosk's key directory."""
        return self.root / "keys"

    @property
    def state(self) -> Path:
        """Where the encrypted store is."""
        return self.root / "state"

    @property
    def run(self) -> Path:
        """Where the sockets are."""
        return self.root / "run"

    @property
    def lab(self) -> Path:
        """The lab's folder; ports appear in ``lab/dev``."""
        return self.root / "lab"

    @property
    def gateway(self) -> Path:
        """The HIS side's folder."""
        return self.root / "gateway"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.root / "logs"

    @property
    def deployment(self) -> Path:
        """The deployment file."""
        return self.root / "kiosk.toml"

    @property
    def probe(self) -> Path:
        """The screen's probe socket."""
        return self.run / "probe.sock"


def free_port() -> int:
    """Return a loopback port that is free now (a desk tool's way; a race is possible)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def prepare(root: Path, *, width_px: int, height_px: int) -> Workspace:
    """Make the folder, the kiosk's own keys and the deployment file, and enrol the kiosk."""
    space = Workspace(root, free_port(), free_port())
    for folder in (space.keys, space.state, space.run, space.lab, space.gateway, space.logs):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_private(space.keys / "store.key", os.urandom(32).hex().encode() + b"\n")
    device_key = Ed25519PrivateKey.generate()
    _write_private(
        space.keys / "device.pem",
        device_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    enrolled = space.gateway / "enrolled"
    enrolled.mkdir(mode=0o700, exist_ok=True)
    public = device_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write_private(enrolled / f"{KIOSK_ID}.pem", public)
    space.deployment.write_text(
        _DEPLOYMENT.format(
            kiosk=KIOSK_ID,
            proxy_port=space.proxy_port,
            width_px=width_px,
            height_px=height_px,
            staff_code=STAFF_CODE,
            staff_hash=hash_code(STAFF_CODE, os.urandom(SALT_BYTES)),
        )
    )
    return space


def trust_gateway(space: Workspace, authority: Path, receipt_key: Path) -> None:
    """Give the kiosk the gateway's certificate authority and receipt key, as enrolment would."""
    _write_private(space.keys / "gateway-ca.pem", authority.read_bytes())
    _write_private(space.keys / "gateway-receipt.pem", receipt_key.read_bytes())


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
