"""How much room the disk has left for us, and a file that keeps some of it for a patient."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from store_forward.store.errors import StoreFull
from store_forward.store.keys import sync_directory
from store_forward.store.refusals import refused_by_system

BALLAST_BYTES = 8_000_000
"""More than a session of an ordinary fee takes from the first note to its slip."""

START_BYTES = 1_000_000
"""What a start takes at least: the log's index (32 kB), a small segment of the mirror, the first
entries. Where something is to be mended it may be more."""

_MODE = 0o600

T = TypeVar("T")


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
        raise refused_by_system(path.parent, error) from error
    return Room(disk.f_bavail * disk.f_frsize, disk.f_favail if disk.f_files else None)


class Lack(StrEnum):
    """Why there is no room, in words for staff."""

    DISK = "the disk is full"
    QUOTA = "the quota of this user or its group is used up"


def lack_beside(path: Path, size: int) -> Lack | None:
    """Why ``size`` bytes more cannot be had beside ``path``; None where they can.

    Found by trying: a quota is not seen otherwise, and SQLite calls some of these errors by other
    names.
    """
    probe = path.with_name(f".{path.name}.probe")
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE)
        try:
            os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)
    except OSError as error:
        return {errno.ENOSPC: Lack.DISK, errno.EDQUOT: Lack.QUOTA}.get(error.errno or 0)
    finally:
        with suppress(OSError):
            probe.unlink()
    return None


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

    def hold(self) -> bool:
        """Take the room, if it is not held yet; returns whether it is held now.

        It is not where there is less room, or a quota that is nearly used up.
        """
        if self.held_bytes() == self.size:
            return True
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self.path, flags, _MODE)
            try:
                os.posix_fallocate(descriptor, 0, self.size)
            finally:
                os.close(descriptor)
        except OSError:
            self.drop()
            return False
        return True

    def drop(self) -> bool:
        """Give the room back; returns whether any was held."""
        try:
            self.path.unlink()
            # Some file systems hand freed room out only when the change is on the disk.
            sync_directory(self.path.parent)
        except OSError:
            return False
        return True

    def make_way(self) -> Lack | None:
        """Drop it where nothing can start without its room; returns why there was none."""
        lack = lack_beside(self.path, START_BYTES)
        if lack is not None:
            self.drop()
        return lack


def on_any_disk(ballast: Ballast, start: Callable[[], T]) -> T:
    """Start with the ballast's room where there is no other: a patient's money may be inside, and
    only who has started can give a slip for it. Raises what ``start`` raises."""
    ballast.make_way()
    try:
        return start()
    except StoreFull:
        if not ballast.drop():
            raise
        return start()
