"""Devices and workers as processes to kill: ``python -m tests.fakes.devices_process DIR``.

The ports are ``DIR/dev/<device>``, the socket is ``DIR/devices.sock``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from firmware.assembly.kiosk import run_devices
from firmware.config.model import Paths
from tests.fakes.core_process import DEPLOYMENT


def main(directory: Path) -> int:
    replace = msgspec.structs.replace
    ports = tuple(
        replace(device, port=str(directory / "dev" / device.name)) for device in DEPLOYMENT.device
    )
    return run_devices(replace(DEPLOYMENT, device=ports, paths=Paths(run=str(directory))))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
