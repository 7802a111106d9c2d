"""A driver over an emulated machine in virtual time: what the device tests are written with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from devices.cash_acceptor.driver import CcnetCashAcceptor
from devices.cash_acceptor.emulator import CcnetEmulator
from devices.driver import Driver, Link
from devices.id_reader.driver import SamvIdReader
from devices.id_reader.emulator import SamvEmulator
from devices.link.memory import EmulatedLink, Machine, SteppedClock
from devices.messages import (
    Command,
    Event,
    NoteInEscrow,
    NoteReturned,
    NoteStacked,
    ReturnNote,
    StackNote,
    StartCashIn,
)
from devices.receipt_printer.driver import EscposPrinter
from devices.receipt_printer.emulator import EscposEmulator

ALL_NOTES = (1000, 2000, 5000, 10000)
Wrap = Callable[[Link, SteppedClock], Link]
E = TypeVar("E")


def plain(link: Link, _clock: SteppedClock) -> Link:
    return link


class Bench:
    """One driver, its machine, and everything the driver has said so far."""

    def __init__(self, machine: Machine, clock: SteppedClock, wrap: Wrap = plain) -> None:
        self.clock = clock
        self.link = wrap(EmulatedLink(machine, clock), clock)
        self.events: list[Event] = []
        self.longest_slice = 0.0
        self.driver: Driver

    def tell(self, *commands: Command) -> None:
        for command in commands:
            self.take(self.driver.execute(command))

    def take(self, events: Iterable[Event]) -> None:
        self.events.extend(events)

    def run(self, seconds: float) -> None:
        """Let the worker's loop run for so long."""
        ends_at = self.clock() + seconds
        while self.clock() < ends_at:
            before = self.clock()
            self.take(self.driver.run_once())
            self.longest_slice = max(self.longest_slice, self.clock() - before)
            if self.clock() == before:
                self.clock.advance(0.001)

    def said(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def last(self, kind: type[E]) -> E:
        return self.said(kind)[-1]


def undecided(_note: NoteInEscrow) -> Command | None:
    return None


def give_back(note: NoteInEscrow) -> Command | None:
    return ReturnNote("cash1", note.note_id)


class CashBench(Bench):
    """``decides`` answers a note in escrow at once, as core does; None leaves it undecided."""

    def __init__(
        self,
        machine: CcnetEmulator | None = None,
        wrap: Wrap = plain,
        *,
        clock: SteppedClock | None = None,
        prefix: str = "note",
        decides: Callable[[NoteInEscrow], Command | None] | None = None,
    ) -> None:
        self.machine = machine or CcnetEmulator()
        super().__init__(self.machine, clock or SteppedClock(), wrap)
        self._made = 0
        self._prefix = prefix
        self._decides = decides or (lambda note: StackNote("cash1", note.note_id))
        self.driver = CcnetCashAcceptor("cash1", self.link, self.clock, self._new_id)

    def _new_id(self) -> str:
        self._made += 1
        return f"{self._prefix}-{self._made}"

    def take(self, events: Iterable[Event]) -> None:
        for event in events:
            self.events.append(event)
            if isinstance(event, NoteInEscrow) and (command := self._decides(event)):
                self.tell(command)

    def start(self) -> CashBench:
        self.run(2.0)
        self.tell(StartCashIn("cash1", ALL_NOTES))
        self.run(0.5)
        return self

    def feed(self, *amounts_yuan: int, seconds_each: float = 3.0) -> None:
        for amount_yuan in amounts_yuan:
            self.machine.feed(amount_yuan)
            self.run(seconds_each)

    @property
    def credited_fen(self) -> int:
        return sum(event.amount_fen for event in self.said(NoteStacked))

    @property
    def stacked_fen(self) -> int:
        """The truth: what lies in the cassette."""
        return sum(self.machine.cassette) * 100

    @property
    def given_back_fen(self) -> int:
        return sum(event.amount_fen for event in self.said(NoteReturned))


class PrinterBench(Bench):
    def __init__(self, machine: EscposEmulator | None = None, wrap: Wrap = plain) -> None:
        self.machine = machine or EscposEmulator()
        super().__init__(self.machine, SteppedClock(), wrap)
        self.driver = EscposPrinter("printer1", self.link, self.clock)


class ReaderBench(Bench):
    def __init__(self, machine: SamvEmulator | None = None, wrap: Wrap = plain) -> None:
        self.machine = machine or SamvEmulator()
        super().__init__(self.machine, SteppedClock(), wrap)
        self.driver = SamvIdReader("id1", self.link, self.clock)
