"""What the devices process says and is told: commands, events and states in XFS4IoT words.

Every message is a tagged msgspec struct, one JSON object a line on a Unix socket or a pipe.
Amounts are integer fen. ``device`` is the peripheral's name in the deployment file.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class DeviceKind(StrEnum):
    """Device classes a kiosk may carry."""

    ID_READER = "id_reader"
    CASH_ACCEPTOR = "cash_acceptor"
    RECEIPT_PRINTER = "receipt_printer"


class DeviceState(StrEnum):
    """XFS4IoT Common.Status ``device`` values, in snake_case."""

    STARTING = "starting"
    ONLINE = "online"
    OFFLINE = "offline"
    POWER_OFF = "power_off"
    NO_DEVICE = "no_device"
    HARDWARE_ERROR = "hardware_error"
    USER_ERROR = "user_error"
    DEVICE_BUSY = "device_busy"
    FRAUD_ATTEMPT = "fraud_attempt"
    POTENTIAL_FRAUD = "potential_fraud"


class PaperState(StrEnum):
    """XFS4IoT Printer.Status ``paper`` values."""

    UNKNOWN = "unknown"
    FULL = "full"
    LOW = "low"
    OUT = "out"
    JAMMED = "jammed"


class StorageState(StrEnum):
    """XFS4IoT Storage unit status, for the cassette of a cash acceptor."""

    UNKNOWN = "unknown"
    OK = "ok"
    FULL = "full"
    MISSING = "missing"
    INOPERATIVE = "inoperative"
    MANIPULATED = "manipulated"


class RefusalReason(StrEnum):
    """Why a note was refused: XFS4IoT CashAcceptor input refused reasons."""

    INVALID_BILL = "invalid_bill"
    COUNTERFEIT = "counterfeit"
    LIMIT_OVER_AMOUNT = "limit_over_amount"
    CASH_IN_UNIT_FULL = "cash_in_unit_full"
    NOT_ENABLED = "not_enabled"
    OTHER = "other"


class PrintOutcome(StrEnum):
    """What is known of a print job. UNKNOWN: bytes were sent, the status never came back."""

    COMPLETED = "completed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class NoteOutcome(StrEnum):
    """Where a note that was once in escrow is now."""

    IN_ESCROW = "in_escrow"
    STACKED = "stacked"
    RETURNED = "returned"
    UNKNOWN = "unknown"


# --- commands -----------------------------------------------------------------------------------


class StartCashIn(msgspec.Struct, frozen=True, tag="start_cash_in"):
    """Accept notes of the given denominations (XFS4IoT CashAcceptor.CashInStart + CashIn)."""

    device: str
    accept_fen: tuple[int, ...]


class EndCashIn(msgspec.Struct, frozen=True, tag="end_cash_in"):
    """Stop accepting. A note still being drawn in, or undecided in escrow, is returned."""

    device: str


class StackNote(msgspec.Struct, frozen=True, tag="stack_note"):
    """Take the note in escrow into the cassette. Ignored if that note is not in escrow."""

    device: str
    note_id: str


class ReturnNote(msgspec.Struct, frozen=True, tag="return_note"):
    """Give the note in escrow back (XFS4IoT CashInRollback). Ignored if not in escrow."""

    device: str
    note_id: str


class QueryNote(msgspec.Struct, frozen=True, tag="query_note"):
    """Ask where a note is; answered by ``NoteLocated``."""

    device: str
    note_id: str


class PrintSlip(msgspec.Struct, frozen=True, tag="print_slip"):
    """Print one slip: ``data`` is the finished ESC/POS byte stream. Answered by PrintFinished."""

    device: str
    job_id: str
    data: bytes


class StartCardReading(msgspec.Struct, frozen=True, tag="start_card_reading"):
    """Look for a card until StopCardReading."""

    device: str


class StopCardReading(msgspec.Struct, frozen=True, tag="stop_card_reading"):
    """Stop looking for a card."""

    device: str


class ResetDevice(msgspec.Struct, frozen=True, tag="reset_device"):
    """Restart the worker of this device now, whatever the back-off says (staff action)."""

    device: str


Command = (
    StartCashIn
    | EndCashIn
    | StackNote
    | ReturnNote
    | QueryNote
    | PrintSlip
    | StartCardReading
    | StopCardReading
    | ResetDevice
)


# --- events -------------------------------------------------------------------------------------


class DeviceStatus(msgspec.Struct, frozen=True, tag="device_status"):
    """State of one peripheral. ``reason`` is a short English phrase for staff and the log."""

    device: str
    kind: DeviceKind
    state: DeviceState
    reason: str = ""
    paper: PaperState | None = None
    storage: StorageState | None = None
    restarts: int = 0


class NoteAccepting(msgspec.Struct, frozen=True, tag="note_accepting"):
    """A note is being drawn in; nothing is known of it yet."""

    device: str


class NoteInEscrow(msgspec.Struct, frozen=True, tag="note_in_escrow"):
    """A recognised note waits for StackNote or ReturnNote. ``note_id`` is unique for ever."""

    device: str
    note_id: str
    amount_fen: int


class NoteStacked(msgspec.Struct, frozen=True, tag="note_stacked"):
    """The stacker confirmed: the note is in the cassette. Credit it once.

    ``note_id`` is None when the worker that saw the escrow is gone and the acceptor reports the
    stacking to its successor. ``may_be_repeat``: an earlier run of the devices process may have
    reported it already, because in this run no note has moved before.
    """

    device: str
    note_id: str | None
    amount_fen: int
    may_be_repeat: bool = False


class NoteReturned(msgspec.Struct, frozen=True, tag="note_returned"):
    """The note went back to the patient. Credit nothing."""

    device: str
    note_id: str | None
    amount_fen: int


class NoteRejected(msgspec.Struct, frozen=True, tag="note_rejected"):
    """The acceptor refused a note before escrow; it is back in the patient's hand."""

    device: str
    reason: RefusalReason


class NoteLocated(msgspec.Struct, frozen=True, tag="note_located"):
    """Answer to QueryNote."""

    device: str
    note_id: str
    outcome: NoteOutcome


class PrintFinished(msgspec.Struct, frozen=True, tag="print_finished"):
    """End of a print job."""

    device: str
    job_id: str
    outcome: PrintOutcome
    reason: str = ""


class IdentityCard(msgspec.Struct, frozen=True):
    """Fields of a resident identity card (GA/T 490), decoded and checked.

    ``id_number`` has passed the GB 11643 checksum; dates are ISO 8601; ``valid_until`` is None
    for a card without expiry (长期).
    """

    name: str
    sex: str
    ethnic_group: str
    birth_date: str
    address: str
    id_number: str
    issuer: str
    valid_from: str
    valid_until: str | None
    is_foreign: bool = False

    def __repr__(self) -> str:
        """Never lets patient data into a log."""
        return "IdentityCard(…)"


class CardRead(msgspec.Struct, frozen=True, tag="card_read"):
    """A resident identity card was read."""

    device: str
    card: IdentityCard


class CardUnreadable(msgspec.Struct, frozen=True, tag="card_unreadable"):
    """A card was seen and could not be read; ``reason`` is for staff."""

    device: str
    reason: str


class CardRemoved(msgspec.Struct, frozen=True, tag="card_removed"):
    """The card left the reader."""

    device: str


Event = (
    DeviceStatus
    | NoteAccepting
    | NoteInEscrow
    | NoteStacked
    | NoteReturned
    | NoteRejected
    | NoteLocated
    | PrintFinished
    | CardRead
    | CardUnreadable
    | CardRemoved
)

# --- core <-> devices process -------------------------------------------------------------------


class Delivery(msgspec.Struct, frozen=True, tag="delivery"):
    """One event on its way to core.

    Money and print events (``must_acknowledge``) are kept by the devices process and delivered
    again after a reconnect until ``Acknowledge(boot, number)`` has come. ``boot`` names the run
    of the devices process, ``number`` counts within it.
    """

    boot: str
    number: int
    event: Event
    must_acknowledge: bool = False


class CaughtUp(msgspec.Struct, frozen=True, tag="caught_up"):
    """All states and kept events have been delivered after a (re)connect."""

    boot: str


class Execute(msgspec.Struct, frozen=True, tag="execute"):
    """Carry out a command."""

    command: Command


class Acknowledge(msgspec.Struct, frozen=True, tag="acknowledge"):
    """Core has made this delivery durable."""

    boot: str
    number: int


FromDevices = Delivery | CaughtUp
ToDevices = Execute | Acknowledge
