"""What becomes of the files of a kiosk's store: both copies are damaged at the same time.

Every damage here leaves a trace. What leaves none is said in docs/durability.md: a last group that
is zeros in both copies, or cut off exactly at its begin; a mirror that is cut off where the log has
lost its end behind that.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from store_forward.store.audit.mirror import read_mirror
from store_forward.store.mirror.format import LENGTH_BYTES, PREFIX_BYTES, Damaged
from store_forward.store.mirror.reader import read_header
from store_forward.store.mirror.segment import mirror_of
from tests.simulation.kiosk import KEY, Kiosk


class DatabaseHarm(StrEnum):
    """What happens to the database."""

    GONE = "deleted"
    SPOILT = "overwritten"
    LOG_LOST = "its log is deleted: it is what it was at the last checkpoint"


class MirrorHarm(StrEnum):
    """What happens to the mirror."""

    SEGMENT_GONE = "a segment before the newest is deleted"
    SEGMENT_SPOILT = "the first byte of a segment changes"
    RECORDS_CHANGED = "a byte changes in each of some records in a row"
    CUT_OFF = "a segment ends within a record"


@dataclass(frozen=True)
class Blow:
    """What happens to a disk at once. ``segment``, ``record`` and ``spot`` say where, ``count`` how
    many records are hit."""

    database: DatabaseHarm
    mirror: MirrorHarm
    segment: int
    record: int
    count: int
    spot: int


def mirrored(kiosk: Kiosk) -> dict[int, str]:
    """Chain hashes of the entries in the mirror that the auditor can read, by number.

    His reader shares no code with recovery's.
    """
    found = read_mirror(mirror_of(kiosk.path), [KEY.hex_digits], kiosk.device, kiosk.incarnation)
    return {seq: digest.hex() for seq, digest in found.hashes.items()}


def acknowledged(kiosk: Kiosk) -> int:
    """Up to where the mirror says that the gateway has everything."""
    told = [0]
    for path in _segments(kiosk.path):
        with suppress(Damaged):  # by an earlier blow
            told.append(read_header(int(path.stem), path, KEY).acked_seq)
    return max(told)


def keep_main_file(kiosk: Kiosk) -> Path:
    """Copy the database without its log, while the kiosk runs."""
    return Path(shutil.copy(kiosk.path, kiosk.folder / "main-file"))


def harm_database(path: Path, harm: DatabaseHarm, main_file: Path) -> None:
    """Damage the database of a kiosk that is switched off."""
    path.with_name(f"{path.name}-wal").unlink(missing_ok=True)
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    if harm is DatabaseHarm.GONE:
        path.unlink()
    elif harm is DatabaseHarm.SPOILT:
        path.write_bytes(b"no store")
    else:
        shutil.copy(main_file, path)
    main_file.unlink()


def leaves_a_trace(kiosk: Kiosk, blow: Blow) -> bool:
    """Whether there is such a place, the mirror still says afterwards whose it is, and how many
    bytes are bad can be counted where the database may have a part of them."""
    segments = _segments(kiosk.path)
    is_countable = blow.mirror in (MirrorHarm.SEGMENT_GONE, MirrorHarm.RECORDS_CHANGED)
    if blow.database is DatabaseHarm.LOG_LOST and kiosk.has_copied_log and not is_countable:
        return False
    if blow.mirror in (MirrorHarm.SEGMENT_GONE, MirrorHarm.SEGMENT_SPOILT):
        return len(segments) > 1
    return bool(segments) and len(_records(_chosen(segments, blow))) > 1


def harm_mirror(path: Path, blow: Blow) -> None:
    """Damage the mirror of a kiosk that is switched off."""
    segments = _segments(path)
    chosen = _chosen(segments, blow)
    match blow.mirror:
        case MirrorHarm.SEGMENT_GONE:
            _chosen(segments[:-1], blow).unlink()
        case MirrorHarm.SEGMENT_SPOILT:
            _change(chosen, 0)
        case MirrorHarm.RECORDS_CHANGED:
            for offset, size in _hit(chosen, blow)[: blow.count]:
                _change(chosen, offset + blow.spot % size)
        case MirrorHarm.CUT_OFF:
            offset, size = _hit(chosen, blow)[0]
            with chosen.open("r+b") as file:
                file.truncate(offset + LENGTH_BYTES + blow.spot % (size - LENGTH_BYTES))


def _change(path: Path, offset: int) -> None:
    """Change a byte so that no second change brings back what stood there."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([(byte + 1) % 256]))


def _segments(path: Path) -> list[Path]:
    return sorted(mirror_of(path).glob("*.segment"))


def _chosen(segments: Sequence[Path], blow: Blow) -> Path:
    """The newest ones come first: there are the entries that are nowhere else."""
    return segments[-1 - blow.segment % len(segments)]


def _hit(segment: Path, blow: Blow) -> list[tuple[int, int]]:
    """The record that is hit, and those behind it; never the header."""
    records = _records(segment)
    return records[1 + blow.record % (len(records) - 1) :]


def _records(segment: Path) -> list[tuple[int, int]]:
    """Offset and size of each record, as the lengths before them say."""
    data, offset = segment.read_bytes(), PREFIX_BYTES
    found: list[tuple[int, int]] = []
    while length := int.from_bytes(data[offset : offset + LENGTH_BYTES], "big"):
        if offset + LENGTH_BYTES + length > len(data):
            break
        found.append((offset, LENGTH_BYTES + length))
        offset += LENGTH_BYTES + length
    return found
