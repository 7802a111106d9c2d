"""Which file operation of this process the system refuses next."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path

from tests.native_library import native_library

SOURCE = Path(__file__).parent / "injector" / "injector.c"


class Call(IntFlag):
    """Kinds of file operations, as the library numbers them."""

    OPEN = 1
    WRITE = 2
    SYNC = 4
    TRUNCATE = 8
    RENAME = 16
    UNLINK = 32
    MAKE = 64
    READ = 128


ALL = Call(127)
"""All that write."""

CHANGES = Call.WRITE | Call.TRUNCATE | Call.RENAME | Call.MAKE | Call.OPEN


@dataclass(frozen=True)
class Trouble:
    """What the disk does. ``times`` calls fail, 0 all from then on; ``is_short``: before the first
    failure half of a write succeeds. ``files``: only on paths that end so."""

    calls: Call
    error: int
    times: int = 1
    is_short: bool = False
    files: str = ""

    @property
    def only_reads_fail(self) -> bool:
        """Whether all files are as they were: nothing may be taken for damaged."""
        return self.calls is Call.READ


TROUBLES: dict[str, Trouble] = {
    "full": Trouble(Call.WRITE | Call.TRUNCATE | Call.MAKE, errno.ENOSPC, times=0),
    "full-once": Trouble(Call.WRITE | Call.TRUNCATE | Call.MAKE, errno.ENOSPC),
    "full-within-a-write": Trouble(Call.WRITE, errno.ENOSPC, times=0, is_short=True),
    "a-short-write": Trouble(Call.WRITE, errno.EIO, is_short=True),
    "quota": Trouble(Call.WRITE | Call.TRUNCATE | Call.MAKE, errno.EDQUOT, times=0),
    "dying": Trouble(ALL & ~Call.OPEN, errno.EIO, times=0),
    "input-output": Trouble(ALL & ~Call.OPEN, errno.EIO),
    "fsync": Trouble(Call.SYNC, errno.EIO),
    "read-only": Trouble(ALL & ~Call.SYNC & ~Call.OPEN, errno.EROFS, times=0),
    "not-openable": Trouble(Call.OPEN, errno.EIO),
    "unreadable": Trouble(Call.READ, errno.EIO, times=0),
    "unreadable-once": Trouble(Call.READ, errno.EIO),
    "unreadable-database": Trouble(Call.READ, errno.EIO, times=0, files="/store.db"),
    "unreadable-log": Trouble(Call.READ, errno.EIO, times=0, files="/store.db-wal"),
    "unreadable-mirror": Trouble(Call.READ, errno.EIO, times=0, files=".segment"),
}


def environment() -> dict[str, str]:
    """Environment of a process in which calls can be made to fail."""
    return os.environ | {"LD_PRELOAD": str(native_library(SOURCE))}


class Injector:
    """Steers the library that this process was started with."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.outpost_fault  # noqa: B018 – raises where the library is not loaded
        self.fired = 0

    @contextmanager
    def refusing(self, folder: Path, trouble: Trouble, nth: int, files: str = "") -> Iterator[None]:
        """The ``nth`` fitting call on this folder or below fails; ``fired`` counts what did.

        Only paths with ``files`` in them fit.
        """
        pattern = f"{folder}*{files}*{trouble.files}".encode()
        self._library.outpost_fault(
            pattern, int(trouble.calls), nth, trouble.times, trouble.error, int(trouble.is_short)
        )
        try:
            yield
        finally:
            self.fired = self._library.outpost_no_fault()
