"""The files of a journal byte by byte, and its second copy against the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from store_forward.contract.sealed import Header
from store_forward.store.audit.chain import hash_at
from store_forward.store.audit.mirror import is_readable, read_mirror
from store_forward.store.audit.pages import SALT, BadPlace, check_database, check_log
from store_forward.store.audit.report import JournalReport
from store_forward.store.driver import Connection
from store_forward.store.keys import StoreKey
from store_forward.store.refusals import refused_by_system


def mirror_beside(path: Path) -> Path:
    """Where the mirror of the store at this path lies."""
    return path.with_name(path.name + ".mirror")


@dataclass(frozen=True, slots=True)
class BadBytes:
    """What is wrong with database and log. ``open_end`` is wrong only if entries are missing.

    ``key_is_right``: a page or a record of the mirror opened with it.
    """

    places: list[BadPlace]
    open_end: BadPlace | None
    key_is_right: bool


def find_bad_bytes(path: Path, key: StoreKey) -> BadBytes:
    """Look at database and log; at those of a kiosk at work twice, as they may be written now.

    Raises StoreUnavailable.
    """
    try:
        found = _look(path, key)
        return _look(path, key) if found.places else found
    except OSError as error:
        raise refused_by_system(path, error) from error


def _look(path: Path, key: StoreKey) -> BadBytes:
    log = path.with_name(path.name + "-wal")
    with path.open("rb") as file:
        salt = file.read(SALT)
    log_data = log.read_bytes() if log.exists() else b""
    in_log = check_log(log, log_data, key.hex_digits, salt)
    bad = check_database(path, path.read_bytes, key.hex_digits, in_log.pages)
    keys = [key.hex_digits, *key.former]
    is_right = not (bad and bad[0].length == SALT) or is_readable(mirror_beside(path), keys)
    return BadBytes([*bad, *in_log.bad], in_log.open_end, is_right)


def check_mirror(
    connection: Connection,
    report: JournalReport,
    keys: Sequence[StoreKey],
    open_end: BadPlace | None = None,
) -> None:
    """Compare the mirror with the journal, entry by entry. Raises StoreUnavailable.

    ``open_end`` is where the log breaks off: named where that cost entries.
    """
    directory = mirror_beside(report.path)
    if not directory.is_dir():
        return
    texts = [digits for key in keys for digits in (key.hex_digits, *key.former)]
    try:
        found = read_mirror(directory, texts, report.device, report.incarnation)
    except OSError as error:
        raise refused_by_system(directory, error) from error
    report.mirror_segments, report.mirrored = found.segments, len(found.hashes)
    report.note_places(found.bad)
    for path in found.foreign:
        report.note(f"{path} is of another journal")
    for seq in found.contradictions:
        report.note(f"the mirror holds two different entries {seq}", seq)
    row = connection.row("SELECT ifnull(max(seq), 0) FROM event")
    head_now = max(int(row[0]) if row else 0, report.base_seq)
    only_there = [seq for seq in found.hashes if seq > head_now]
    for first, last in _runs(only_there):
        report.note(f"entries {first} to {last} are in the mirror only", first)
    if only_there and open_end is not None:
        report.note_places([open_end])
    for seq, digest in sorted(found.hashes.items()):
        here = hash_at(connection, seq)
        if here is not None and here != digest:
            report.note(f"entry {seq} is another one in the mirror", seq)
    kept = range(max(report.acked_to, report.base_seq) + 1, report.head_seq + 1)
    for first, last in _runs([seq for seq in kept if seq not in found.hashes]):
        report.note(f"entries {first} to {last} are not in the mirror", first)


def check_beside(connection: Connection, report: JournalReport, headers: Sequence[Header]) -> None:
    """Sealed files must be of this journal and end at an entry that is the same here."""
    for header in headers:
        name = f"{header.kind} {header.number}"
        if (header.device, header.incarnation) != (report.device, report.incarnation):
            report.note(f"{name} belongs to another kiosk or incarnation")
            continue
        here = hash_at(connection, header.last_seq)
        if header.last_seq > report.head_seq:
            report.note(
                f"{name} goes up to entry {header.last_seq}, this journal lacks those from "
                f"{report.head_seq + 1} on",
                report.head_seq + 1,
            )
        elif here is not None and here.hex() != header.last_hash:
            report.note(f"{name} holds another entry {header.last_seq}", header.last_seq)


def _runs(seqs: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for seq in sorted(seqs):
        if runs and seq == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], seq)
        else:
            runs.append((seq, seq))
    return runs
