"""SAM-V frames (security module for resident identity cards, GA 450 interface), without I/O.

``AA AA AA 96 69`` LEN(2, big-endian) … XOR; LEN counts from the byte after it to the XOR, which
covers LEN and all bytes up to itself. Requests carry a command and a parameter, replies three
status bytes of which the last speaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

_PREAMBLE = b"\xaa\xaa\xaa\x96\x69"
_HEADER_BYTES = len(_PREAMBLE) + 2
_SHORTEST_BODY = 4
_LONGEST_BODY = 2 + 2 + 2 + 256 + 1024 + 1024 + 4  # text, photo, fingerprint, status, XOR


class StatusWord(IntEnum):
    """SW3 of a reply."""

    DONE = 0x90
    CARD_FOUND = 0x9F
    NO_CARD = 0x80
    SELECT_FAILED = 0x81
    READ_FAILED = 0x41
    CARD_REFUSED = 0x40
    BAD_CHECKSUM = 0x10
    BAD_LENGTH = 0x11
    SELF_TEST_FAILED = 0x60
    NOT_AUTHORISED = 0x66


def _xor(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
    return value


def _request(command: int, parameter: int) -> bytes:
    body = bytes((0x00, 0x03, command, parameter))
    return _PREAMBLE + body + bytes((_xor(body),))


FIND_CARD = _request(0x20, 0x01)
SELECT_CARD = _request(0x20, 0x02)
READ_CARD = _request(0x30, 0x01)
MODULE_STATUS = _request(0x11, 0xFF)
MODULE_ID = _request(0x12, 0xFF)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply whose XOR holds. ``status`` is SW3; ``data`` may be personal: it has no repr."""

    status: int
    data: bytes

    def __repr__(self) -> str:
        return f"Reply(status={self.status:#04x}, {len(self.data)} bytes)"


class ReplyParser:
    """Cuts replies out of a byte stream; holds at most one unfinished reply."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def reset(self) -> None:
        """Forget an unfinished reply."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Reply]:
        """Take bytes as they come; return what is complete. Noise is skipped."""
        self._buffer += data
        buffer, at = bytes(self._buffer), 0
        found: list[Reply] = []
        while True:
            start = buffer.find(_PREAMBLE, at)
            if start < 0:
                at = max(at, len(buffer) - len(_PREAMBLE) + 1)
                break
            at = start
            if len(buffer) - at < _HEADER_BYTES:
                break
            length = int.from_bytes(buffer[at + 5 : at + 7], "big")
            if not _SHORTEST_BODY <= length <= _LONGEST_BODY:
                at += 1
                continue
            end = at + _HEADER_BYTES + length
            if len(buffer) < end:
                break
            if _xor(buffer[at + 5 : end]) == 0:
                found.append(Reply(buffer[at + 9], buffer[at + 10 : end - 1]))
                at = end
            else:
                at += 1
        self._buffer = bytearray(buffer[at:])
        return found
