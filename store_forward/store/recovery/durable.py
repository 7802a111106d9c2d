"""Makes durable what a start found, before anybody relies on it."""

from __future__ import annotations

import os
from pathlib import Path

from store_forward.store.keys import sync_directory
from store_forward.store.mirror.segment import list_numbers, segment_name
from store_forward.store.refusals import refused_by_system


def make_durable(path: Path, mirror: Path) -> None:
    """Sync the database's log, the mirror's newest segment and their names.

    A process that was killed may have written a group and not synced it. It can be read, so this
    start counts it and tells the patient and the gateway; a power cut could still take it away.

    Raises StoreUnavailable, StoreFull.
    """
    newest = [mirror / segment_name(number) for number in list_numbers(mirror)[-1:]]
    try:
        for file in (path.with_name(path.name + "-wal"), *newest):
            _sync(file)
        for directory in (path.parent, mirror):
            sync_directory(directory)
    except OSError as error:
        raise refused_by_system(path, error) from error


def _sync(file: Path) -> None:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
