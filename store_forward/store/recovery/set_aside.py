"""Files that are not the journal any more: kept under another name, never written over."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from store_forward.store.keys import sync_directory
from store_forward.store.mirror.segment import segment_name
from store_forward.store.refusals import refused_by_system


def set_database_aside(path: Path, now: datetime) -> list[str]:
    """Rename the database and its log; returns the new names. None where there is no file.

    The main file goes first: after a cut in between, a log without its file is seen for what it
    is, while a file without its log would pass for an older state of it. The shared memory goes
    before a new file comes: who still has the old file open would share it with the new one.

    Raises StoreUnavailable, StoreFull.
    """
    new = _free_name(path, now)
    names = []
    try:
        for suffix in ("", "-wal"):
            source, target = Path(f"{path}{suffix}"), Path(f"{new}{suffix}")
            if source.exists():
                source.rename(target)
                names.append(target.name)
        with suppress(FileNotFoundError):
            Path(f"{path}-shm").unlink()
        sync_directory(path.parent)
    except OSError as error:
        raise refused_by_system(path, error) from error
    return names


def set_segments_aside(directory: Path, numbers: Iterable[int], now: datetime) -> list[str]:
    """Rename segments; returns the new names. Raises StoreUnavailable, StoreFull."""
    names = []
    try:
        for number in numbers:
            source = directory / segment_name(number)
            target = _free_name(source, now)
            source.rename(target)
            names.append(f"{directory.name}/{target.name}")
        if names:
            sync_directory(directory)
    except OSError as error:
        raise refused_by_system(directory, error) from error
    return names


def _free_name(path: Path, now: datetime) -> Path:
    stem = f"{path.name}.quarantined-{now:%Y%m%dT%H%M%SZ}"
    new, count = path.with_name(stem), 1
    while new.exists() or Path(f"{new}-wal").exists():
        count += 1
        new = path.with_name(f"{stem}-{count}")
    return new
