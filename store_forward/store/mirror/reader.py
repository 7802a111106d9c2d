"""Reads segments back, says which bytes are not what was written, and goes on behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from store_forward.store.keys import StoreKey
from store_forward.store.mirror.bad_end import BadEnd, judge_end, unreadable
from store_forward.store.mirror.format import (
    LENGTH_BYTES,
    PREFIX_BYTES,
    TAG_BYTES,
    Abort,
    Damaged,
    Group,
    Header,
    Outline,
    SegmentCipher,
    decode_content,
    decode_prefix,
    outline_content,
    record_length,
)
from store_forward.store.refusals import refused_by_system

_HEADER_READ = 4096
_NO_LENGTH = bytes(LENGTH_BYTES)

RECORDS_SKIPPED = 16
"""So many damaged records in a row are passed over to find a good one behind them."""


@dataclass(frozen=True, slots=True)
class BadRange:
    """Bytes of a file that cannot be read as what was written there."""

    path: Path
    offset: int
    length: int
    why: str

    def __str__(self) -> str:
        end = self.offset + self.length
        return f"{self.path}: bytes {self.offset} to {end}: {self.why}"


@dataclass(slots=True)
class Segment:
    """What one segment holds. ``end`` is where its good bytes end.

    ``outlines`` are its groups with their record numbers, aborted ones included; ``aborted`` names
    segment and record of each group that does not count. ``bad_end``: it ends in bytes that are no
    record.
    """

    path: Path
    number: int
    header: Header | None = None
    outlines: list[tuple[int, Outline]] = field(default_factory=list)
    aborted: list[tuple[int, int]] = field(default_factory=list)
    bad: list[BadRange] = field(default_factory=list)
    end: int = 0
    bad_end: BadEnd | None = None

    def groups(self) -> Iterator[tuple[int, Group]]:
        """Its groups with their entries. Raises Damaged: hashes that were not checked are wrong."""
        for record, outline in self.outlines:
            yield record, outline.read()


def read_segment(number: int, path: Path, key: StoreKey, checked_after: int = 0) -> Segment:
    """Read a whole segment; damage is told in it, not raised.

    Every record's seal is checked; of groups that reach beyond ``checked_after`` their own hashes,
    too. Behind a record that does not open the next good one is looked for.

    Raises:
        StoreUnavailable: the file cannot be read at all.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise refused_by_system(path, error) from error
    segment = Segment(path, number)
    try:
        prefix = decode_prefix(data)
        if prefix.number != number:
            raise Damaged(f"this is segment {prefix.number} under the name of {number}")
    except Damaged as damage:
        segment.bad.append(BadRange(path, 0, len(data), str(damage)))
        segment.bad_end = unreadable(data)
        return segment
    _Reading(segment, data, SegmentCipher(key, prefix), checked_after).run()
    return segment


def read_header(number: int, path: Path, key: StoreKey) -> Header:
    """Read only the header of a segment. Raises Damaged, StoreUnavailable."""
    try:
        with path.open("rb") as file:
            data = file.read(_HEADER_READ)
    except OSError as error:
        raise refused_by_system(path, error) from error
    prefix = decode_prefix(data)
    length = record_length(data, PREFIX_BYTES)
    start = PREFIX_BYTES + LENGTH_BYTES
    sealed = data[start : start + length]
    header = decode_content(SegmentCipher(key, prefix).open(0, PREFIX_BYTES, sealed))
    if not isinstance(header, Header) or header.number != number or prefix.number != number:
        raise Damaged(f"record 0 is not the header of segment {number}")
    return header


class _Reading:
    """One way through the bytes of a segment."""

    def __init__(
        self, segment: Segment, data: bytes, cipher: SegmentCipher, checked_after: int
    ) -> None:
        self._segment = segment
        self._data = data
        self._cipher = cipher
        self._checked_after = checked_after

    def run(self) -> None:
        """Fill the segment in."""
        segment, record, offset = self._segment, 0, PREFIX_BYTES
        segment.end = offset
        while not self._is_end(offset):
            try:
                offset = segment.end = self._take(record, offset)
                record += 1
            except Damaged as damage:
                good = self._find_good(record + 1, offset)
                behind = len(self._data) if good is None else good[1]
                bad = BadRange(segment.path, offset, behind - offset, str(damage))
                segment.bad.append(bad)
                if good is None:
                    segment.bad_end = judge_end(self._data, offset)
                    return
                record, offset = good

    def _is_end(self, offset: int) -> bool:
        """Whether nothing more was written: the file ends, or is zeros from here on."""
        left = len(self._data) - offset
        if self._data.startswith(_NO_LENGTH, offset):
            return self._data[offset:] == bytes(left)
        return left == 0

    def _take(self, record: int, offset: int) -> int:
        """Keep the record that begins here; returns where it ends. Raises Damaged."""
        length = record_length(self._data, offset)
        if length == 0:
            raise Damaged("behind the end there is something else than zeros")
        start = offset + LENGTH_BYTES
        end = start + length
        content = outline_content(self._cipher.open(record, offset, self._data[start:end]))
        if isinstance(content, Header) is not (record == 0):
            raise Damaged(f"record {record} is of the wrong kind")
        if isinstance(content, Outline):
            if content.last_seq > self._checked_after:
                content.read()
            self._segment.outlines.append((record, content))
        elif isinstance(content, Abort):
            self._segment.aborted.append((content.number, content.record))
        else:
            self._segment.header = content
        return end

    def _find_good(self, record: int, bad_from: int) -> tuple[int, int] | None:
        """Number and offset of the next good record behind a bad one, None where there is none.

        Where the bad one's own length leads; if that was damaged, too, wherever one opens. A
        record has its number and place in its seal, so none is found that was not written there.
        """
        length = int.from_bytes(self._data[bad_from : bad_from + LENGTH_BYTES], "big")
        if self._opens(record, bad_from + LENGTH_BYTES + length):
            return record, bad_from + LENGTH_BYTES + length
        written = len(self._data.rstrip(b"\0"))
        # A record below 16 MiB begins with a zero: the first byte of its length.
        offset = bad_from
        while (offset := self._data.find(b"\0", offset + 1, written)) >= 0:
            length = int.from_bytes(self._data[offset : offset + LENGTH_BYTES], "big")
            # Behind the last byte written there may be zeros that end a tag.
            if TAG_BYTES < length <= written + TAG_BYTES - offset - LENGTH_BYTES:
                for number in range(record, record + RECORDS_SKIPPED):
                    if self._opens(number, offset):
                        return number, offset
        return None

    def _opens(self, record: int, offset: int) -> bool:
        try:
            length = record_length(self._data, offset) if offset < len(self._data) else 0
            start = offset + LENGTH_BYTES
            if length:
                self._cipher.open(record, offset, self._data[start : start + length])
        except Damaged:
            return False
        return length > 0
