"""What a CCNET status means in XFS4IoT words, for staff and for the log."""

from __future__ import annotations

from dataclasses import dataclass

from devices.cash_acceptor.protocol import State, Status
from devices.messages import DeviceState, RefusalReason, StorageState


@dataclass(frozen=True, slots=True)
class Condition:
    """State of the acceptor and its cassette, with a phrase for staff."""

    state: DeviceState
    reason: str = ""
    storage: StorageState = StorageState.UNKNOWN


STARTING = Condition(DeviceState.STARTING, "acceptor is starting")
READY = Condition(DeviceState.ONLINE, storage=StorageState.OK)
SILENT = Condition(DeviceState.OFFLINE, "acceptor does not answer: check its cable and power")
NO_BILL_TABLE = Condition(
    DeviceState.HARDWARE_ERROR, "acceptor does not tell its bill table: restart or replace it"
)
NO_SUCH_NOTES = Condition(
    DeviceState.USER_ERROR, "acceptor knows none of the notes to accept: check its bill set"
)
NOTE_UNACCOUNTED = Condition(
    DeviceState.ONLINE,
    "a note is unaccounted for: compare cassette and journal",
    StorageState.OK,
)

_FAULTS = {
    State.CASSETTE_FULL: Condition(
        DeviceState.USER_ERROR, "cassette is full: empty it", StorageState.FULL
    ),
    State.CASSETTE_OUT: Condition(
        DeviceState.USER_ERROR, "cassette is out: put it back", StorageState.MISSING
    ),
    State.VALIDATOR_JAMMED: Condition(
        DeviceState.HARDWARE_ERROR, "note jammed in the validator: open and clear it"
    ),
    State.CASSETTE_JAMMED: Condition(
        DeviceState.HARDWARE_ERROR,
        "note jammed in the cassette: open and clear it",
        StorageState.INOPERATIVE,
    ),
    State.CHEATED: Condition(
        DeviceState.FRAUD_ATTEMPT, "acceptor reports an attempt to cheat: look at it"
    ),
    State.PAUSE: Condition(
        DeviceState.DEVICE_BUSY, "acceptor waits until a second note is taken from its slot"
    ),
}

# Generic failure codes: CCNET specification, POLL response 47H.
_FAILURES = {
    0x50: "stacker motor",
    0x51: "speed of the transport motor",
    0x52: "transport motor",
    0x53: "aligning motor",
    0x54: "cassette not in place after reset",
    0x55: "optical sensors",
    0x56: "magnetic sensors",
    0x5F: "capacitive sensors",
}

# Reject reasons: CCNET specification, POLL response 1CH.
_REFUSALS = {
    0x61: RefusalReason.INVALID_BILL,  # magnetic pattern
    0x65: RefusalReason.INVALID_BILL,  # identification
    0x66: RefusalReason.INVALID_BILL,  # verification
    0x67: RefusalReason.INVALID_BILL,  # optic pattern
    0x68: RefusalReason.NOT_ENABLED,  # denomination inhibited
    0x69: RefusalReason.INVALID_BILL,  # capacity
    0x6C: RefusalReason.INVALID_BILL,  # length
    0x6D: RefusalReason.INVALID_BILL,  # ultraviolet
}


def condition_of(status: Status) -> Condition | None:
    """Return what a fault status means; None for a status that is no fault."""
    if status.state is State.FAILURE:
        part = _FAILURES.get(status.detail, f"code {status.detail:02X}")
        return Condition(DeviceState.HARDWARE_ERROR, f"acceptor failure: {part}")
    return _FAULTS.get(status.state)


def refusal_of(status: Status) -> RefusalReason:
    """Return why a note was rejected."""
    return _REFUSALS.get(status.detail, RefusalReason.OTHER)
