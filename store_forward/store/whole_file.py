"""Files for disks and sticks: under their name whole and durable, or not there at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from store_forward.store.errors import StoreError
from store_forward.store.keys import sync_directory
from store_forward.store.refusals import refused_by_system

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What file systems of sticks (FAT, exFAT) answer to a hard link."""


class FileInTheWay(StoreError):
    """A file of this name exists. It was not touched."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write that gets its name on a good end; a file that is there stays.

    Raises:
        FileInTheWay: there is one, from the beginning or by the end.
        StoreFull, StoreUnavailable: it cannot be written; nothing is left behind.
    """
    require_free(path)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _give_name(draft, path)
        sync_directory(path.parent)
    except OSError as error:
        raise refused_by_system(path, error) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def require_free(path: Path) -> None:
    """Raise FileInTheWay when there is a file of this name."""
    if os.path.lexists(path):
        raise FileInTheWay(
            path, "there is such a file already; it was not touched", "Choose another name"
        )


def _give_name(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        require_free(path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        require_free(path)
        draft.rename(path)
