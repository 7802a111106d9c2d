"""Segment files: made whole or not at all, found by number, dropped."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from store_forward.store.keys import StoreKey, sync_directory
from store_forward.store.mirror.format import (
    PREFIX_BYTES,
    RECORD_OVERHEAD,
    SALT_BYTES,
    Header,
    Prefix,
    SegmentCipher,
    encode_content,
    encode_prefix,
)
from store_forward.store.refusals import refused_by_system

SEGMENT_BYTES = 256 * 1024
"""Room of a segment: about 400 entries of a kiosk. Each start of core reads its newest one, 2 to 4
ms of the 10 it may take. To begin one costs 5 fsyncs and its zeros (0.5 ms on a desk's SSD)."""

SMALL_SEGMENT_BYTES = 64 * 1024
"""Room of a segment where there is no room for a whole one."""

MODE = 0o600
"""Of segments; sync has no use for them."""

_DIGITS = 12
_SUFFIX = ".segment"
_NAME_LENGTH = _DIGITS + len(_SUFFIX)
_DRAFT = ".new"


class SegmentFile:
    """A segment being written by this process."""

    def __init__(self, path: Path, descriptor: int, cipher: SegmentCipher, number: int) -> None:
        self.path = path
        self.number = number
        self._descriptor = descriptor
        self._cipher = cipher
        self._records = 0
        self._offset = PREFIX_BYTES
        self._good_until = PREFIX_BYTES
        self._size = 0

    @classmethod
    def create(
        cls, directory: Path, key: StoreKey, header: Header, size: int = SEGMENT_BYTES
    ) -> SegmentFile:
        """Make a segment of ``size`` bytes with its header in it, durable with its name.

        The room is written, not only reserved: reserved room becomes data with the first write to
        it, and that would cost the file system's own log in each append.

        Raises:
            StoreFull, StoreUnavailable: there is no such segment then.
        """
        path = directory / segment_name(header.number)
        draft = path.with_name(path.name + _DRAFT)
        prefix = Prefix(header.number, secrets.token_bytes(SALT_BYTES))
        cipher = SegmentCipher(key, prefix)
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            descriptor = os.open(draft, flags, MODE)
            try:
                segment = cls(path, descriptor, cipher, header.number)
                _, first = segment.place(encode_content(header))
                whole = encode_prefix(prefix) + first
                segment._size = max(size, len(whole))
                write_fully(descriptor, whole + bytes(segment._size - len(whole)), 0)
                os.fsync(descriptor)
                draft.rename(path)
                sync_directory(directory)
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            for left in (draft, path):
                with suppress(OSError):
                    left.unlink()
            raise refused_by_system(path, error) from error
        return segment

    @property
    def next_record(self) -> int:
        """Number of the record that is placed next."""
        return self._records

    def has_room(self, content_bytes: int) -> bool:
        """Whether records of so many bytes, their overhead included, still fit."""
        return self._offset + content_bytes <= self._size

    def place(self, content: bytes) -> tuple[int, bytes]:
        """Seal the next record; returns where it goes and its bytes. Each is to be written."""
        self._good_until = offset = self._offset
        record = self._cipher.seal(self._records, offset, content)
        self._records += 1
        self._offset += len(record)
        return offset, record

    def write(self, offset: int, record: bytes) -> None:
        """Make a placed record durable. Raises OSError: what the file holds there is unknown."""
        write_fully(self._descriptor, record, offset)
        os.fdatasync(self._descriptor)

    def end(self) -> None:
        """Close the file for good and give the room back that it did not need."""
        if self._descriptor >= 0:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._offset)
        self.close()

    def give_up(self) -> None:
        """Close the file after a failed write, without what was placed last, where that can be."""
        if self._descriptor >= 0:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._good_until)
        self.close()

    def close(self) -> None:
        """Close the file as it is. Safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def mirror_of(path: Path) -> Path:
    """The directory of the mirror that belongs to the store at ``path``."""
    return path.with_name(path.name + ".mirror")


def segment_name(number: int) -> str:
    """File name of a segment."""
    return f"{number:0{_DIGITS}d}{_SUFFIX}"


def room_for(content_bytes: int) -> int:
    """Size of a segment that holds its header and one record of so many bytes."""
    return PREFIX_BYTES + RECORD_OVERHEAD + 1024 + content_bytes


def list_segments(directory: Path) -> list[tuple[int, Path]]:
    """The segments, oldest first; none where there is no mirror."""
    return [(number, directory / segment_name(number)) for number in list_numbers(directory)]


def list_numbers(directory: Path) -> list[int]:
    """The numbers of the segments, ascending. Quick with thousands: a long time without network."""
    names = [name for name in _names(directory) if len(name) == _NAME_LENGTH]
    names = [name for name in names if name.endswith(_SUFFIX) and name[:_DIGITS].isdecimal()]
    return sorted(map(_number_of, names))


def next_number(directory: Path) -> int:
    """The number after all that were ever used here, those set aside included."""
    names = [name for name in _names(directory) if name.startswith(_SUFFIX, _DIGITS)]
    return max((_number_of(name) for name in names if name[:_DIGITS].isdecimal()), default=0) + 1


def drop_segment(directory: Path, number: int) -> None:
    """Remove a segment that is not needed; it is no trouble when it stays."""
    with suppress(OSError):
        (directory / segment_name(number)).unlink()


def shorten(path: Path, size: int) -> None:
    """Give back the room of a segment that nobody writes any more; only zeros are cut off."""
    with suppress(OSError):
        os.truncate(path, size)


def remove_drafts(directory: Path) -> None:
    """Remove what a cut while a segment was made left behind."""
    with suppress(OSError):  # they harm nobody
        for name in _names(directory):
            if name.endswith(_DRAFT):
                (directory / name).unlink()


def write_fully(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of ``data`` at ``offset``. Raises OSError."""
    written = os.pwrite(descriptor, data, offset)
    while written < len(data):
        more = os.pwrite(descriptor, memoryview(data)[written:], offset + written)
        written += more


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)  # noqa: PTH208 - a Path for each of thousands is not needed
    except FileNotFoundError:
        return []
    except OSError as error:
        raise refused_by_system(directory, error) from error


def _number_of(name: str) -> int:
    return int(name[:_DIGITS])
