"""Tells a file that cannot be read from one that is damaged: they often look alike."""

from __future__ import annotations

from pathlib import Path

from store_forward.store.refusals import refused_by_system

_PIECE_BYTES = 1 << 20


def require_readable(path: Path) -> None:
    """Read the database at ``path`` and its log through.

    SQLCipher takes another salt where it cannot read the file's own, and says "wrong key"; SQLite's
    check names the page it could not get. Who hears of a wrong key or of damage asks here, and then
    once more there, before a file is given up.

    Raises StoreUnavailable: the disk does not give all their bytes.
    """
    for file in (path, path.with_name(path.name + "-wal")):
        try:
            with file.open("rb", buffering=0) as content:
                while content.read(_PIECE_BYTES):
                    pass
        except FileNotFoundError:
            continue
        except OSError as error:
            raise refused_by_system(file, error) from error
