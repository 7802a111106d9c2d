"""How much room the disk has left for us, and a file that keeps some of it for a patient."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from store_forward.store import driver
from store_forward.store.keys import sync_directory

BALLAST_BYTES = 8_000_000
"""More than a session of an ordinary fee takes from the first note to its slip."""

_MODE = 0o600


class Room(msgspec.Struct, frozen=True):
    """Room for an ordinary user. ``files`` is None where the file system has no such limit."""

    bytes: int
    files: int | None


def room_beside(path: Path) -> Room:
    """The room on the disk of the directory that ``path`` stands in.

    Raises StoreUnavailable: the disk does not even say that.
    """
    try:
        disk = os.statvfs(path.parent)
    except OSError as error:
        raise driver.refused_by_system(path.parent, error) from error
    return Room(disk.f_bavail * disk.f_frsize, disk.f_favail if disk.f_files else None)


class Ballast:
    """A file beside the store that holds nothing but room.

    Somebody else may fill the disk below our reserve while a patient's money is in the machine.
    Then the ballast is dropped, and the session has the room it needs to end as promised. It is
    held again when the disk has room once more. What it holds counts as room for us.
    """

    def __init__(self, store: Path, size: int = BALLAST_BYTES) -> None:
        self.path = store.with_name(store.name + ".ballast")
        self.size = size

    def held_bytes(self) -> int:
        """What is held now."""
        with suppress(OSError):
            return self.path.stat().st_size
        return 0

    def hold(self) -> None:
        """Take the room, if it is not held yet and there is so much."""
        if self.held_bytes() == self.size:
            return
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self.path, flags, _MODE)
            try:
                os.posix_fallocate(descriptor, 0, self.size)
            finally:
                os.close(descriptor)
        except OSError:
            self.drop()

    def drop(self) -> bool:
        """Give the room back; returns whether any was held."""
        try:
            self.path.unlink()
            # Some file systems hand freed room out only when the change is on the disk.
            sync_directory(self.path.parent)
        except OSError:
            return False
        return True
