"""CCNET frames, statuses and bill table (CashCode NET interface specification), without I/O.

A frame is ``02 03 LEN payload CRClo CRChi``; LEN counts the whole frame. The host's payload is
a command and its data; the acceptor's is a status, ACK, NAK, or bare data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

_SYNC = 0x02
_BILL_VALIDATOR = 0x03
_SHORTEST, _LONGEST = 6, 250
_BILL_TYPES = 24
_COUNTRIES = (b"CHN", b"CNY")
_LARGEST_EXPONENT = 4


def _make_crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ 0x8408 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


_CRC_TABLE = _make_crc_table()


def crc16(data: bytes) -> int:
    """CCITT polynomial reflected (0x8408), start value 0: CCNET section "CRC calculation"."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


class Request(IntEnum):
    """Commands of the host used here."""

    ACK = 0x00
    RESET = 0x30
    POLL = 0x33
    ENABLE_BILL_TYPES = 0x34
    STACK = 0x35
    RETURN = 0x36
    GET_BILL_TABLE = 0x41
    NAK = 0xFF


class State(IntEnum):
    """First byte of an answer to POLL."""

    POWER_UP = 0x10
    POWER_UP_BILL_IN_VALIDATOR = 0x11
    POWER_UP_BILL_IN_STACKER = 0x12
    INITIALIZE = 0x13
    IDLING = 0x14
    ACCEPTING = 0x15
    STACKING = 0x17
    RETURNING = 0x18
    DISABLED = 0x19
    HOLDING = 0x1A
    BUSY = 0x1B
    REJECTING = 0x1C
    CASSETTE_FULL = 0x41
    CASSETTE_OUT = 0x42
    VALIDATOR_JAMMED = 0x43
    CASSETTE_JAMMED = 0x44
    CHEATED = 0x45
    PAUSE = 0x46
    FAILURE = 0x47
    ESCROW = 0x80
    STACKED = 0x81
    RETURNED = 0x82


_WITH_DETAIL = frozenset(
    (State.REJECTING, State.FAILURE, State.ESCROW, State.STACKED, State.RETURNED)
)
_DETAIL_MAY_FOLLOW = _WITH_DETAIL | {State.BUSY, State.POWER_UP, State.PAUSE}


@dataclass(frozen=True, slots=True)
class Status:
    """An answer to POLL. ``detail`` is the bill type, reject reason or failure code."""

    state: State
    detail: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose CRC holds."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Damaged:
    """Bytes that began like a frame and are none; ``raw`` for the log."""

    raw: bytes


def encode(request: Request, data: bytes = b"") -> bytes:
    """Return the frame for a command of the host."""
    body = bytes((_SYNC, _BILL_VALIDATOR, len(data) + _SHORTEST, request)) + data
    return body + crc16(body).to_bytes(2, "little")


def encode_enable(mask: int) -> bytes:
    """ENABLE BILL TYPES for the bill types set in ``mask``, each of them with escrow."""
    three_bytes = mask.to_bytes(3, "big")
    return encode(Request.ENABLE_BILL_TYPES, three_bytes + three_bytes)


class FrameParser:
    """Cuts frames out of a byte stream; holds at most one unfinished frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def reset(self) -> None:
        """Forget an unfinished frame (its rest never came in time)."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Frame | Damaged]:
        """Take bytes as they come; return what is complete.

        LEN 0 announces an extended length, which no command used here answers with; it is
        skipped like noise, because waiting for a made-up length would wedge the line.
        """
        found: list[Frame | Damaged] = []
        self._buffer += data
        buffer, at = bytes(self._buffer), 0
        while (start := buffer.find(_SYNC, at)) >= 0:
            at = start
            if len(buffer) - at < 3:
                if len(buffer) - at == 2 and buffer[at + 1] != _BILL_VALIDATOR:
                    at += 1
                    continue
                break
            length = buffer[at + 2]
            if buffer[at + 1] != _BILL_VALIDATOR or not _SHORTEST <= length <= _LONGEST:
                at += 1
                continue
            if len(buffer) - at < length:
                break
            frame = buffer[at : at + length]
            if crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little"):
                found.append(Frame(frame[3:-2]))
                at += length
            else:
                found.append(Damaged(frame))
                at += 1
        else:
            at = len(buffer)
        self._buffer = bytearray(buffer[at:])
        return found


def parse_status(payload: bytes) -> Status | None:
    """Read an answer to POLL; None when the payload cannot be one."""
    if not 1 <= len(payload) <= 2:
        return None
    try:
        state = State(payload[0])
    except ValueError:
        return None
    if len(payload) == 2 and state in _DETAIL_MAY_FOLLOW:
        return Status(state, payload[1])
    return Status(state) if len(payload) == 1 and state not in _WITH_DETAIL else None


def parse_bill_table(payload: bytes) -> Mapping[int, int] | None:
    """Read an answer to GET BILL TABLE: bill type to amount in fen, Chinese notes only.

    Each of 24 entries has leading digits, three letters of country and a power of ten. None when
    the payload is no bill table.
    """
    if len(payload) != _BILL_TYPES * 5:
        return None
    table = {}
    for bill_type in range(_BILL_TYPES):
        digits, exponent = payload[bill_type * 5], payload[bill_type * 5 + 4]
        country = payload[bill_type * 5 + 1 : bill_type * 5 + 4]
        if digits and country in _COUNTRIES and exponent <= _LARGEST_EXPONENT:
            table[bill_type] = digits * 10**exponent * 100
    return table
