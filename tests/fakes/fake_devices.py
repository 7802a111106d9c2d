"""The devices process in memory: an acceptor with a cassette, a printer, a card reader.

It keeps what core must not miss and says it again after a reconnect until it is acknowledged, as
the real one does. Everything it does happens when the test says so.
"""

from __future__ import annotations

from collections.abc import Callable

from devices.messages import (
    CardRead,
    CardRemoved,
    Command,
    Delivery,
    DeviceKind,
    DeviceState,
    DeviceStatus,
    EndCashIn,
    Event,
    IdentityCard,
    NoteAccepting,
    NoteInEscrow,
    NoteLocated,
    NoteOutcome,
    NoteRejected,
    NoteReturned,
    NoteStacked,
    PrintFinished,
    PrintOutcome,
    PrintSlip,
    QueryNote,
    RefusalReason,
    ResetDevice,
    ReturnNote,
    StackNote,
    StartCardReading,
    StartCashIn,
    StopCardReading,
)

READER, ACCEPTOR, PRINTER = "id1", "cash1", "printer1"
KINDS = {
    READER: DeviceKind.ID_READER,
    ACCEPTOR: DeviceKind.CASH_ACCEPTOR,
    PRINTER: DeviceKind.RECEIPT_PRINTER,
}

KEPT = (NoteInEscrow, NoteStacked, NoteReturned, NoteLocated, PrintFinished)

MOVES = (NoteAccepting, NoteInEscrow, NoteStacked, NoteReturned)


class FakeDevices:
    """Implements ``firmware.core.ports.Peripherals`` and delivers through ``deliver``."""

    def __init__(self) -> None:
        self.told: list[Command] = []
        self.cassette: list[int] = []
        self.given_back: list[int] = []
        self.slips: list[bytes] = []
        self.is_accepting = False
        self.is_reading = False
        self.stacks_at_once = True
        self.prints_at_once = True
        self.forgets_note_ids = False
        self.loses_stack_commands = 0
        self.is_connected = False
        self.statuses = {
            name: DeviceStatus(name, kind, DeviceState.ONLINE) for name, kind in KINDS.items()
        }
        self.before_tell: Callable[[Command], None] = lambda command: None
        self._escrow: tuple[str, int] | None = None
        self._stacking: tuple[str | None, int] | None = None
        self._ends: dict[str, NoteOutcome] = {}
        self._printing: list[str] = []
        self._queue: list[Delivery] = []
        self._kept: dict[int, Delivery] = {}
        self._number = 0
        self._notes = 0
        self._boots = 1
        self._has_moved = False
        self._last_stacked: int | None = None

    # --- core's side ----------------------------------------------------------------------------

    def tell(self, command: Command) -> None:
        if not self.is_connected:
            return
        self.before_tell(command)
        self.told.append(command)
        match command:
            case StartCashIn():
                self.is_accepting = True
            case EndCashIn():
                self.is_accepting = False
                self._return_escrow()
            case StackNote() if self.loses_stack_commands > 0:
                self.loses_stack_commands -= 1
            case StackNote(note_id=note_id):
                if self._escrow is not None and self._escrow[0] == note_id:
                    self._stacking, self._escrow = self._escrow, None
                    if self.stacks_at_once:
                        self.finish_stacking()
            case ReturnNote(note_id=note_id):
                if self._escrow is not None and self._escrow[0] == note_id:
                    self._return_escrow()
            case QueryNote(note_id=note_id):
                self._say(NoteLocated(ACCEPTOR, note_id, self._whereabouts(note_id)))
            case PrintSlip(job_id=job_id, data=data):
                self._printing.append(job_id)
                self.slips.append(data)
                if self.prints_at_once:
                    self.finish_print(PrintOutcome.COMPLETED)
            case StartCardReading():
                self.is_reading = True
            case StopCardReading():
                self.is_reading = False
            case ResetDevice():
                pass

    def next_delivery(self) -> Delivery | None:
        """What core hears next, None when all is said."""
        return self._queue.pop(0) if self._queue else None

    def acknowledge(self, delivery: Delivery) -> None:
        self.acknowledge_number(delivery.number)

    def acknowledge_number(self, number: int) -> None:
        self._kept.pop(number, None)

    def connect(self) -> None:
        """Core came (again): states, then everything kept."""
        self.is_connected = True
        self._queue = []
        for status in self.statuses.values():
            self._say(status)
        self._queue.extend(self._kept.values())

    def disconnect(self) -> None:
        """Core is gone: nobody to credit, so stop accepting; a note being stacked goes on."""
        self.is_connected = False
        self.is_accepting = False
        self._queue = []
        self._return_escrow()

    # --- the world's side -----------------------------------------------------------------------

    def insert(self, amount_fen: int) -> bool:
        """A patient pushes a note in. Returns whether the acceptor took it."""
        busy = self._escrow is not None or self._stacking is not None
        if not self.is_accepting or busy:
            return False
        self._notes += 1
        note_id = f"note-{self._notes}"
        self._escrow = (note_id, amount_fen)
        self._last_stacked = None
        self._say(NoteAccepting(ACCEPTOR))
        self._say(NoteInEscrow(ACCEPTOR, note_id, amount_fen))
        return True

    def reject(self) -> None:
        self._say(NoteRejected(ACCEPTOR, RefusalReason.INVALID_BILL))

    def finish_stacking(self) -> None:
        """The stacker is through with the note it was given."""
        if self._stacking is None:
            return
        (note_id, amount_fen), self._stacking = self._stacking, None
        self.cassette.append(amount_fen)
        if note_id is not None:
            self._ends[note_id] = NoteOutcome.STACKED
        self._stacked(None if self.forgets_note_ids else note_id, amount_fen)

    def lose_note(self) -> None:
        """The note being stacked disappears: jammed somewhere, nobody knows."""
        if self._stacking is not None and self._stacking[0] is not None:
            self._ends[self._stacking[0]] = NoteOutcome.UNKNOWN
        self._stacking = None

    def stack_out_of_the_blue(self, amount_fen: int) -> None:
        """The acceptor reports a stacked note nobody had seen in escrow."""
        self.cassette.append(amount_fen)
        self._has_moved = True
        self._stacked(None, amount_fen)

    def restart(self, *, before_acknowledging: bool = False) -> None:
        """The devices process is killed, with workers and all it kept; a new one takes over.

        ``before_acknowledging``: the acceptor was not told yet that its last stacking is known.
        A note in escrow comes back, one on its way to the cassette gets there.
        """
        self.disconnect()
        self._boots += 1
        self._number = 0
        self._kept, self._queue, self._ends, self._printing = {}, [], {}, []
        self._has_moved = False
        if self._stacking is not None:
            self._stacking = (None, self._stacking[1])
        elif before_acknowledging and self._last_stacked is not None:
            self._stacked(None, self._last_stacked)

    def finish_print(self, outcome: PrintOutcome) -> None:
        if self._printing:
            self._say(PrintFinished(PRINTER, self._printing.pop(0), outcome))

    def lay_card(self, card: IdentityCard) -> None:
        if self.is_reading:
            self._say(CardRead(READER, card))

    def lift_card(self) -> None:
        self._say(CardRemoved(READER))

    def set_status(self, status: DeviceStatus) -> None:
        self.statuses[status.device] = status
        self._say(status)

    def say(self, event: Event) -> None:
        """Anything else a device may say."""
        self._say(event)

    @property
    def has_kept(self) -> bool:
        """Whether core has not acknowledged everything."""
        return bool(self._kept)

    @property
    def has_undecided(self) -> bool:
        return self._escrow is not None or self._stacking is not None

    def _return_escrow(self) -> None:
        if self._escrow is None:
            return
        (note_id, amount_fen), self._escrow = self._escrow, None
        self.given_back.append(amount_fen)
        self._ends[note_id] = NoteOutcome.RETURNED
        self._say(NoteReturned(ACCEPTOR, note_id, amount_fen))

    def _stacked(self, note_id: str | None, amount_fen: int) -> None:
        self._last_stacked = amount_fen
        may_be_repeat = note_id is None and not self._has_moved
        self._say(NoteStacked(ACCEPTOR, note_id, amount_fen, may_be_repeat))

    def _whereabouts(self, note_id: str) -> NoteOutcome:
        if self._escrow is not None and self._escrow[0] == note_id:
            return NoteOutcome.IN_ESCROW
        return self._ends.get(note_id, NoteOutcome.UNKNOWN)

    def _say(self, event: Event) -> None:
        self._number += 1
        self._has_moved = self._has_moved or isinstance(event, MOVES)
        must = isinstance(event, KEPT)
        delivery = Delivery(f"boot-{self._boots}", self._number, event, must)
        if must:
            self._kept[self._number] = delivery
        if self.is_connected:
            self._queue.append(delivery)
