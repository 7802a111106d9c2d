"""The kiosk's drivers on emulated peripherals, in virtual time and without processes."""

from __future__ import annotations

from collections.abc import Sequence

from devices.cash_acceptor.driver import CcnetCashAcceptor
from devices.cash_acceptor.emulator import CcnetEmulator
from devices.driver import Driver
from devices.id_reader.driver import SamvIdReader
from devices.id_reader.emulator import SamvEmulator
from devices.link.memory import EmulatedLink, SteppedClock
from devices.messages import Command, Event
from devices.receipt_printer.driver import EscposPrinter
from devices.receipt_printer.emulator import EscposEmulator
from firmware.assembly.process import uuids

READER, ACCEPTOR, PRINTER = "id1", "cash1", "printer1"


class EmulatedDevices:
    """Three drivers, each on its emulator by a link in memory; core's port for commands."""

    def __init__(self) -> None:
        clock = self.clock = SteppedClock()
        self.reader, self.acceptor, self.printer = SamvEmulator(), CcnetEmulator(), EscposEmulator()
        ids = uuids()
        self._drivers: dict[str, Driver] = {
            READER: SamvIdReader(READER, EmulatedLink(self.reader, clock), clock),
            ACCEPTOR: CcnetCashAcceptor(
                ACCEPTOR, EmulatedLink(self.acceptor, clock), clock, lambda: next(ids)
            ),
            PRINTER: EscposPrinter(PRINTER, EmulatedLink(self.printer, clock), clock),
        }
        self._said: list[Event] = []

    def tell(self, command: Command) -> None:
        """Start a command; what the driver says at once is heard with the rest."""
        self._said += self._drivers[command.device].execute(command)

    def work(self) -> Sequence[Event]:
        """Let every driver work for a slice; return what was said since the last time."""
        for driver in self._drivers.values():
            self._said += driver.run_once()
        self.clock.advance(0.001)
        said, self._said = self._said, []
        return said
