"""The only file that names concrete classes: what each process is made of.

Imports stand inside the functions because each process loads only its own part: a worker that
held the store's and the gateway's libraries would cost three times its memory.
"""

from __future__ import annotations

import sys
import time

from devices.driver import Driver, Link
from firmware.config.model import Device


class UnknownDriver(Exception):
    """The deployment file names a driver that does not exist for this kind of device."""


def build_driver(kind: str, driver: str, name: str, port: str) -> Driver:
    """Open the port and put the driver on it.

    Raises:
        UnknownDriver: no such driver for this kind.
        LinkLost: the port cannot be opened.
    """
    from devices.link.serial_port import SerialLink

    def link(baud: int) -> Link:
        return SerialLink(port, baud=baud)

    match (kind, driver):
        case ("id_reader", "samv"):
            from devices.id_reader.driver import SamvIdReader

            return SamvIdReader(name, link(115200), time.monotonic)
        case ("cash_acceptor", "ccnet"):
            from uuid6 import uuid7

            from devices.cash_acceptor.driver import CcnetCashAcceptor

            return CcnetCashAcceptor(name, link(9600), time.monotonic, lambda: str(uuid7()))
        case ("receipt_printer", "escpos"):
            from devices.receipt_printer.driver import EscposPrinter

            return EscposPrinter(name, link(115200), time.monotonic)
        case _:
            raise UnknownDriver(f"no driver {driver!r} for a {kind}")


def worker_command(device: Device) -> list[str]:
    """Return the command line that starts the worker process of a peripheral."""
    return [
        sys.executable,
        "-P",
        "-m",
        "firmware.worker_main",
        *("--kind", device.kind.value),
        *("--driver", device.driver),
        *("--name", device.name),
        *("--port", device.port),
    ]
