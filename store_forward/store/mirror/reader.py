"""Reads segments back, says which bytes are not what was written, and goes on behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from store_forward.store import driver
from store_forward.store.keys import StoreKey
from store_forward.store.mirror.format import (
    PREFIX_BYTES,
    Abort,
    Content,
    Damaged,
    Group,
    Header,
    SegmentCipher,
    decode_content,
    decode_prefix,
    record_length,
)

_LENGTH_BYTES = 4
_HEADER_READ = 4096


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


@dataclass(frozen=True, slots=True)
class Record:
    """One good record. ``number`` counts within its segment."""

    number: int
    content: Content


@dataclass(slots=True)
class Segment:
    """What one segment holds. ``end`` is where its good bytes end.

    ``is_readable``: at least one record opened, so the key is that of the segment.
    """

    path: Path
    number: int
    header: Header | None = None
    records: list[Record] = field(default_factory=list)
    bad: list[BadRange] = field(default_factory=list)
    end: int = 0

    @property
    def is_readable(self) -> bool:
        return self.header is not None or bool(self.records)

    def groups(self) -> Iterator[tuple[int, Group]]:
        """Its groups with their record numbers, aborted ones included."""
        for record in self.records:
            if isinstance(record.content, Group):
                yield record.number, record.content

    def aborts(self) -> Iterator[tuple[int, int]]:
        """Segment and record of each group that does not count."""
        for record in self.records:
            if isinstance(record.content, Abort):
                yield record.content.number, record.content.record


def read_segment(number: int, path: Path, key: StoreKey) -> Segment:
    """Read a whole segment (about a megabyte); damage is told in it, not raised.

    Behind a record that does not open the next one is tried; where that fails too, the rest of
    the segment is bad.

    Raises:
        StoreUnavailable: the file cannot be read at all.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise driver.refused_by_system(path, error) from error
    segment = Segment(path, number)
    try:
        prefix = decode_prefix(data)
        if prefix.number != number:
            raise Damaged(f"this is segment {prefix.number} under the name of {number}")
    except Damaged as damage:
        segment.bad.append(BadRange(path, 0, len(data), str(damage)))
        return segment
    _read_records(segment, data, SegmentCipher(key, prefix))
    return segment


def read_header(number: int, path: Path, key: StoreKey) -> Header:
    """Read only the header of a segment. Raises Damaged, StoreUnavailable."""
    try:
        with path.open("rb") as file:
            data = file.read(_HEADER_READ)
    except OSError as error:
        raise driver.refused_by_system(path, error) from error
    prefix = decode_prefix(data)
    length = record_length(data, PREFIX_BYTES)
    start = PREFIX_BYTES + _LENGTH_BYTES
    sealed = memoryview(data)[start : start + length]
    header = decode_content(SegmentCipher(key, prefix).open(0, PREFIX_BYTES, sealed))
    if not isinstance(header, Header) or header.number != number or prefix.number != number:
        raise Damaged(f"record 0 is not the header of segment {number}")
    return header


def _read_records(segment: Segment, data: bytes, cipher: SegmentCipher) -> None:
    view, record, offset = memoryview(data), 0, PREFIX_BYTES
    segment.end = offset
    bad_from: int | None = None
    why = ""
    while True:
        try:
            length = record_length(view, offset)
        except Damaged as damage:
            why = why or str(damage)
            break
        if length == 0:
            break
        start = offset + _LENGTH_BYTES
        try:
            content = decode_content(cipher.open(record, offset, view[start : start + length]))
            if isinstance(content, Header) is not (record == 0):
                raise Damaged(f"record {record} is of the wrong kind")
        except Damaged as damage:
            if bad_from is not None:  # two in a row: the length cannot be trusted either
                break
            bad_from, why = offset, str(damage)
        else:
            if bad_from is not None:
                segment.bad.append(BadRange(segment.path, bad_from, offset - bad_from, why))
                bad_from, why = None, ""
            _keep(segment, record, content)
            segment.end = start + length
        record, offset = record + 1, start + length
    start = offset if bad_from is None else bad_from
    if data.count(0, start) != len(data) - start:
        why = why or "behind the end there is something else than zeros"
        segment.bad.append(BadRange(segment.path, start, len(data) - start, why))


def _keep(segment: Segment, record: int, content: Content) -> None:
    if isinstance(content, Header):
        segment.header = content
    else:
        segment.records.append(Record(record, content))


def read_segments(found: Sequence[tuple[int, Path]], key: StoreKey) -> Iterator[Segment]:
    """Read segments one after the other; only one is held at a time."""
    for number, path in found:
        yield read_segment(number, path, key)
