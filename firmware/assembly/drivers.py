"""The only file that names concrete drivers, and how a worker of one is started."""

from __future__ import annotations

import sys
import time

from devices.driver import Driver, Link
from firmware.assembly.process import uuids
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
            from devices.cash_acceptor.driver import CcnetCashAcceptor

            ids = uuids()
            return CcnetCashAcceptor(name, link(9600), time.monotonic, lambda: next(ids))
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
