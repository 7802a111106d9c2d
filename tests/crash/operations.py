"""What a process did to its files, as the recorder wrote it down.

Record, little endian: size u32 (of all of it), kind u8, flags u8, path size u16, other size u16,
thread i32, inode i64, offset i64, length i64; then path, other path, data. Paths are relative to
the watched directory.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum

import msgspec

_HEAD = struct.Struct("<IBBHHiqqq")
_SYNCHRONOUS = 1


class Kind(IntEnum):
    """As in recorder.c."""

    CREATE = 1
    WRITE = 2
    TRUNCATE = 3
    ALLOCATE = 4
    SYNC_BEGIN = 5
    SYNC_END = 6
    RENAME = 7
    LINK = 8
    UNLINK = 9
    MAKE_DIRECTORY = 10
    REMOVE_DIRECTORY = 11
    NOTE = 12
    FAULT = 13


class Operation(msgspec.Struct, frozen=True):
    """One call that succeeded. ``length``: new size, allocated bytes, or the fsync's result."""

    kind: Kind
    thread: int
    inode: int
    offset: int
    length: int
    path: str
    other: str
    data: bytes
    synchronous: bool

    def __str__(self) -> str:
        text = f"{self.kind.name.lower()} {self.path or '.'}"
        match self.kind:
            case Kind.WRITE:
                return f"{text} at {self.offset}, {len(self.data)} bytes"
            case Kind.TRUNCATE:
                return f"{text} to {self.length} bytes"
            case Kind.ALLOCATE:
                return f"{text} at {self.offset}, {self.length} bytes"
            case Kind.RENAME | Kind.LINK:
                return f"{text} to {self.other}"
            case Kind.FAULT:
                return f"{text}: {self.other}"
            case Kind.NOTE:
                return f"note {self.data.decode(errors='replace').rstrip()[:100]}"
            case _:
                return text


def parse(log: bytes) -> Iterator[Operation]:
    """Read a whole log. Raises ValueError when it was cut off."""
    at = 0
    while at < len(log):
        if at + _HEAD.size > len(log):
            raise ValueError(f"the recorder's log ends in mid record at byte {at}")
        size, kind, flags, path_size, other_size, thread, inode, offset, length = _HEAD.unpack_from(
            log, at
        )
        other_at = at + _HEAD.size + path_size
        data_at = other_at + other_size
        end = at + size
        if data_at > end or end > len(log):
            raise ValueError(f"the recorder's log ends in mid record at byte {at}")
        yield Operation(
            Kind(kind),
            thread,
            inode,
            offset,
            length,
            log[at + _HEAD.size : other_at].decode(errors="surrogateescape"),
            log[other_at:data_at].decode(errors="surrogateescape"),
            log[data_at:end],
            bool(flags & _SYNCHRONOUS),
        )
        at = end
