"""Parts of the emulated note acceptor: its checksum, what it may be doing, and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


def crc_ccnet(data: bytes) -> bytes:
    """CRC-16 as on the wire: polynomial 0x1021 reflected, start 0, low byte first; bit by bit."""
    register = 0
    for byte in data:
        for bit in range(8):
            feedback = (register ^ (byte >> bit)) & 1
            register >>= 1
            if feedback:
                register ^= 0x8408
    return bytes([register & 0xFF, register >> 8])


class Phase(Enum):
    """What the machine is doing. Phases with a note in them are those after IDLING."""

    POWER_UP = auto()
    INITIALIZING = auto()
    DISABLED = auto()
    IDLING = auto()
    ACCEPTING = auto()
    ESCROW = auto()
    STACKING = auto()
    RETURNING = auto()


class Fault(Enum):
    """Mechanical trouble; stays until somebody sees to it."""

    CASSETTE_FULL = 0x41
    CASSETTE_OUT = 0x42
    JAM_IN_VALIDATOR = 0x43
    JAM_IN_CASSETTE = 0x44
    CHEATED = 0x45
    PAUSE = 0x46
    STACKER_MOTOR = 0x47


@dataclass(frozen=True)
class Timing:
    """How long the mechanics take, in seconds."""

    initialize: float = 0.6
    accept: float = 0.8
    stack: float = 0.5
    give_back: float = 0.5
    escrow_hold: float = 12.0
