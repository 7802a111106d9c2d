"""ESC/POS requests for status and their replies, without I/O.

Replies of different commands share one stream; fixed bits tell them apart (ESC/POS reference,
"Notes for transmission status identification").
"""

from __future__ import annotations

from dataclasses import dataclass

from devices.messages import DeviceState, PaperState

CLEAR_BUFFERS = bytes((0x10, 0x14, 0x08, 0x01, 0x03, 0x14, 0x01, 0x06, 0x02, 0x08))
"""DLE DC4 fn 8: drop everything received and not yet printed. Obeyed at once, also offline."""

NO_AUTOMATIC_STATUS = b"\x1da\x00"
"""GS a 0: speak only when asked."""

TRANSMIT_PAPER_STATUS = b"\x1dr\x01"
"""GS r 1: answered when printing has come to this point of the data."""

_BLOCK = 0x37
_PROCESS_ID = 0x22
_LONGEST_BLOCK = 96
_PROCESS_ID_ALPHABET = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def realtime_status(kind: int) -> bytes:
    """DLE EOT n: 1 printer, 2 cause of offline, 3 cause of error, 4 paper sensor."""
    return bytes((0x10, 0x04, kind))


def ask_process_id(process_id: bytes) -> bytes:
    """GS ( H function 48: sent back when everything before it has been printed."""
    return b"\x1d(H\x06\x00\x30\x30" + process_id


def process_id_of(number: int) -> bytes:
    """Return four characters for ``number``; different for any 2**20 numbers in a row."""
    alphabet = _PROCESS_ID_ALPHABET
    return bytes(alphabet[number >> shift & 31] for shift in (15, 10, 5, 0))


@dataclass(frozen=True, slots=True)
class RealtimeStatus:
    """Reply to DLE EOT. It does not say which of the four was asked."""

    bits: int


@dataclass(frozen=True, slots=True)
class ProcessId:
    """Everything before this process id has been printed."""

    process_id: bytes


@dataclass(frozen=True, slots=True)
class Transmitted:
    """Reply to GS r: printing has come to that point."""

    bits: int


Reply = RealtimeStatus | ProcessId | Transmitted


class ReplyParser:
    """Cuts replies out of what the printer sends; noise and unknown blocks are skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def reset(self) -> None:
        """Forget an unfinished reply."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Reply]:
        """Take bytes as they come; return what is complete."""
        self._buffer += data
        buffer, at = bytes(self._buffer), 0
        found: list[Reply] = []
        while at < len(buffer):
            first = buffer[at]
            if first == _BLOCK:
                end = buffer.find(0, at, at + _LONGEST_BLOCK)
                if end < 0 and len(buffer) - at < _LONGEST_BLOCK:
                    break
                if end - at == 6 and buffer[at + 1] == _PROCESS_ID:
                    found.append(ProcessId(buffer[at + 2 : end]))
                at = end + 1 if end > 0 else at + 1
            elif first & 0x93 == 0x12:
                found.append(RealtimeStatus(first))
                at += 1
            elif first & 0x93 == 0x10:  # automatic status of four bytes, left on by someone
                if len(buffer) - at < 4:
                    break
                at += 4
            else:
                if first & 0x90 == 0:
                    found.append(Transmitted(first))
                at += 1
        self._buffer = bytearray(buffer[at:])
        return found


@dataclass(frozen=True, slots=True)
class Condition:
    """What the sensors say, in XFS4IoT words."""

    state: DeviceState
    paper: PaperState
    reason: str = ""

    @property
    def can_print(self) -> bool:
        """Whether a job may be sent."""
        return self.state is DeviceState.ONLINE


SILENT = Condition(
    DeviceState.OFFLINE,
    PaperState.UNKNOWN,
    "printer does not answer: check its cable and power",
)


def condition_of(printer: int, offline: int, error: int, paper: int) -> Condition:
    """Read the four real-time status bytes (ESC/POS reference, DLE EOT)."""
    if offline & 0x20 or paper & 0x60:
        return Condition(DeviceState.USER_ERROR, PaperState.OUT, "paper is out: load a new roll")
    left = PaperState.LOW if paper & 0x0C else PaperState.FULL
    if offline & 0x04:
        return Condition(DeviceState.USER_ERROR, left, "cover is open: close it")
    if error & 0x20:
        reason = "unrecoverable printer error: switch it off and on, else replace it"
        return Condition(DeviceState.HARDWARE_ERROR, left, reason)
    if error & 0x08:
        reason = "knife is blocked: clear the paper from it"
        return Condition(DeviceState.HARDWARE_ERROR, PaperState.JAMMED, reason)
    if error & 0x40:
        reason = "print head is too hot: it goes on by itself"
        return Condition(DeviceState.DEVICE_BUSY, left, reason)
    if offline & 0x40 or printer & 0x08:
        return Condition(DeviceState.HARDWARE_ERROR, left, "printer is offline: look at it")
    return Condition(DeviceState.ONLINE, left, "paper is low" if paper & 0x0C else "")
