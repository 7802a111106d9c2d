"""A serial port made of a pseudo-terminal, behind a link whose name stays.

The kiosk opens the link like any serial device. Pulling the plug closes the master end: the kiosk's
reads and writes fail as those of a real adapter do (EIO), and the link is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import tty
from collections.abc import Callable
from pathlib import Path

from devices.lab.actions import NotPossible

READ_BYTES = 65_536


class PtyPort:
    """One port, plugged or not. Must be used in the event loop's thread."""

    def __init__(self, link: Path, received: Callable[[bytes], None]) -> None:
        self._link = link
        self._received = received
        self._ends: tuple[int, int] | None = None

    @property
    def link(self) -> Path:
        """Where the kiosk finds the port."""
        return self._link

    @property
    def is_plugged(self) -> bool:
        """Whether the device is connected."""
        return self._ends is not None

    def plug(self, replug_as: Path | None = None) -> None:
        """Connect the device, as a new terminal; ``replug_as`` gives it another name."""
        if self._ends is not None:
            raise NotPossible(f"{self._link} is plugged in already")
        if replug_as is not None:
            self._link = replug_as
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        # The slave stays open here, or the master would fail whenever no worker has it open.
        self._ends = (master, slave)
        asyncio.get_running_loop().add_reader(master, self._read)
        self._link.parent.mkdir(parents=True, exist_ok=True)
        if self._link.is_symlink():
            self._link.unlink()
        self._link.symlink_to(os.ttyname(slave))

    def unplug(self) -> None:
        """Pull the plug."""
        if self._ends is None:
            raise NotPossible(f"{self._link} is not plugged in")
        master, slave = self._ends
        self._ends = None
        asyncio.get_running_loop().remove_reader(master)
        with contextlib.suppress(FileNotFoundError):
            self._link.unlink()
        os.close(master)
        os.close(slave)

    def send(self, data: bytes) -> None:
        """Send to the kiosk. What nobody reads is lost once the line's buffer is full."""
        if self._ends is None or not data:
            return
        try:
            os.write(self._ends[0], data)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:
                raise

    def holders(self) -> list[int]:
        """Processes other than this one that have the port open."""
        if self._ends is None:
            return []
        terminal = os.ttyname(self._ends[1])
        own = os.getpid()
        processes = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [pid for pid in processes if pid != own and _has_open(pid, terminal)]

    def hang_holders(self) -> list[int]:
        """Stop (SIGSTOP) whoever has the port open, as a driver stuck in a call would be."""
        pids = self.holders()
        if not pids:
            raise NotPossible(f"no process has {self._link} open")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        return pids

    def _read(self) -> None:
        if self._ends is None:
            return
        try:
            data = os.read(self._ends[0], READ_BYTES)
        except BlockingIOError:
            return
        self._received(data)


def _has_open(pid: int, path: str) -> bool:
    try:
        files = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False  # ended meanwhile, or another user's
    for file in files:
        with contextlib.suppress(OSError):
            if str(file.readlink()) == path:
                return True
    return False
