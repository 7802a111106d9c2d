"""What may have stood in bytes at the end of a segment that cannot be read. Pure.

A segment is written front to back into room that is zeros and durable. So after a power cut in the
middle of an append a part of its record is still zeros: sectors of 512 bytes that the disk had not
reached, or everything behind a write that stopped. A record that had been durable and was damaged
later has no such part, unless zeros are what the damage put there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from store_forward.store.mirror.format import (
    ENTRY_OVERHEAD,
    LENGTH_BYTES,
    RECORD_OVERHEAD,
    TAG_BYTES,
)

SECTOR_BYTES = 512
"""The least that a disk writes whole."""

SMALLEST_ENTRY_BYTES = 150
"""Of canonical bytes: no entry has fewer, its fields' names alone are more."""

MOST_ROOM_BYTES = 1024 * 1024
"""Of a segment, by any version so far; only one append that is greater has more."""

_UNWRITTEN_BYTES = 8
"""Zeros at a record's end that are not by chance those of its tag."""
_ZEROS_OF_A_LENGTH = 2
"""A record below 64 KiB begins with so many."""
_TOO_LONG_FOR_FEW = 64
"""Bytes of which fewer than a tag's are no zeros: no part of a record, sealed as it is."""


@dataclass(frozen=True, slots=True)
class BadEnd:
    """The newest segment ends in bytes that are no record.

    ``most_entries``: not more than so many can have stood there, or behind where the file was cut
    off. ``may_be_torn``: a power cut in the middle of an append may have left them.
    ``written_bytes``: so many were written there, less the zeros that the last tag may end in; None
    where nobody can tell: what was cut off, or written in part.
    """

    most_entries: int
    may_be_torn: bool
    written_bytes: int | None = None

    def after(self, segments: int) -> BadEnd:
        """The same behind so many other segments that say nothing or were set aside.

        Each may have held as many entries, or so many numbers were left out for it.
        """
        return replace(self, most_entries=self.most_entries + segments * _most(MOST_ROOM_BYTES))

    def may_be_just(self, sizes: Sequence[int]) -> bool:
        """Whether entries of these sizes, and no more, may have stood there.

        They were appended one by one or several at once, which their journal does not tell.
        """
        if self.written_bytes is None:
            return True
        entries = sum(sizes) + ENTRY_OVERHEAD * len(sizes)
        wholes = (entries + RECORD_OVERHEAD * records for records in range(1, len(sizes) + 1))
        return any(0 <= whole - self.written_bytes < _UNWRITTEN_BYTES for whole in wholes)


def judge_end(data: bytes, start: int) -> BadEnd | None:
    """What the bytes from ``start`` on, where the good ones end, may have been.

    None where nothing was written there: zeros, or some bits that flipped in them.
    """
    written = len(data.rstrip(b"\0"))
    left = len(data) - start
    if left == 0 or (written <= start and left >= LENGTH_BYTES):
        return None
    has_room = len(data) - written >= TAG_BYTES
    few = written - start - data.count(0, start, written) < TAG_BYTES
    if few and (has_room or written - start > _TOO_LONG_FOR_FEW):
        return None
    length = int.from_bytes(data[start : start + LENGTH_BYTES], "big")
    end = start + LENGTH_BYTES + length
    is_cut = end > len(data) and not has_room
    if end > len(data) or length <= TAG_BYTES:
        end = written
    may_be_torn = not is_cut and (
        written <= end - _UNWRITTEN_BYTES or _has_bare_sector(data, start, max(end, written))
    )
    if is_cut:
        room = max(MOST_ROOM_BYTES, len(data)) - start
    elif may_be_torn:
        room = len(data) - start  # and more records may have stood in what is zeros now
    else:
        room = max(end, written) - start
    return BadEnd(_most(room), may_be_torn, None if is_cut or may_be_torn else written - start)


def unreadable(data: bytes) -> BadEnd:
    """The same of a segment that says nothing at all: it was whole before it had its name."""
    room = max(MOST_ROOM_BYTES, len(data)) if not data.endswith(b"\0") else len(data)
    return BadEnd(_most(room), may_be_torn=False)


def _most(room: int) -> int:
    """How many entries so many bytes have room for."""
    return -(-room // (SMALLEST_ENTRY_BYTES + ENTRY_OVERHEAD))


def _has_bare_sector(data: bytes, start: int, end: int) -> bool:
    """Whether a sector's part of these bytes is zeros, but for those that begin a length."""
    at = start
    while at < end:
        following = min(end, at - at % SECTOR_BYTES + SECTOR_BYTES)
        if following > start + _ZEROS_OF_A_LENGTH and _is_bare(data, at, following):
            return True
        at = following
    return False


def _is_bare(data: bytes, start: int, end: int) -> bool:
    return data[start:end] == bytes(end - start)
