"""Core as a process of its own, to be killed: ``python -m tests.fakes.core_process DIR BEGAN``.

``BEGAN`` is the monotonic time at which the made-up morning began.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid6 import uuid7

from devices.messages import DeviceKind
from firmware.config.model import Clinic, Deployment, Device, Gateway, Kiosk
from firmware.core.clocks import Clock
from firmware.core.service import CoreService
from store_forward.contract.vouchers import voucher_text
from store_forward.store.keys import StoreKey
from store_forward.store.store import Store
from tests.fakes import made_up_clinic as clinic
from tests.fakes.fake_devices import ACCEPTOR, PRINTER, READER
from tests.fakes.small_ballast import SMALL_BALLAST

KEY = StoreKey("0123456789abcdef" * 4)

DEPLOYMENT = Deployment(
    clinic=Clinic("qinghe", "青禾镇分院", "Qinghe Branch"),
    kiosk=Kiosk("kiosk-7", "A"),
    gateway=Gateway("https://127.0.0.1:1"),
    device=(
        Device(READER, DeviceKind.ID_READER, "samv", "/dev/null"),
        Device(ACCEPTOR, DeviceKind.CASH_ACCEPTOR, "ccnet", "/dev/null"),
        Device(PRINTER, DeviceKind.RECEIPT_PRINTER, "escpos", "/dev/null"),
    ),
)


def morning_since(began: float) -> Clock:
    """A clock that says it is morning, running since ``began``."""
    return Clock(
        time.monotonic,
        lambda: clinic.MORNING + timedelta(seconds=time.monotonic() - began),
    )


def ids() -> Iterator[str]:
    while True:
        yield str(uuid7())


def main(directory: Path, began: float) -> None:
    key = Ed25519PrivateKey.generate()
    with Store.open(directory / "store.db", KEY, device="kiosk-7", create=True) as store:
        service = CoreService(
            store,
            devices_socket=directory / "devices.sock",
            ui_socket=directory / "core.sock",
            deployment=DEPLOYMENT,
            sign_voucher=lambda payload: voucher_text(payload, key),
            clock=morning_since(began),
            ids=ids(),
            ballast_bytes=SMALL_BALLAST,
        )
        asyncio.run(service.run(asyncio.Event()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
