"""The test's end of a steered worker's port: a pty behind a stable link."""

from __future__ import annotations

import asyncio
import os
import sys
import tty
from pathlib import Path

import msgspec

from devices.messages import Command, Event
from firmware.config.model import Device

ROOT = Path(__file__).parents[2]


def steered_command(device: Device) -> list[str]:
    """Command line of a steered worker, independent of the working directory."""
    program = [sys.executable, "-m", "tests.fakes.steered_worker", "--port", device.port]
    return ["env", "-C", str(ROOT), *program]


class SteeringEnd:
    """Plugged in or not; what the worker wrote comes as lines."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        self._fds: tuple[int, int] | None = None
        self._pending = b""

    def plug(self) -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._fds = (master, slave)
        self._pending = b""
        asyncio.get_running_loop().add_reader(master, self._read, master)
        self.link.symlink_to(os.ttyname(slave))

    def unplug(self) -> None:
        if self._fds is not None:
            asyncio.get_running_loop().remove_reader(self._fds[0])
            self.link.unlink()
            for fd in self._fds:
                os.close(fd)
            self._fds = None

    def tell(self, words: str) -> None:
        assert self._fds is not None
        os.write(self._fds[0], words.encode() + b"\n")

    def say(self, event: Event) -> None:
        """Make the driver report an event."""
        self.tell("say " + msgspec.json.encode(event).decode())

    async def hears(self, words: str) -> None:
        """Wait until the driver has written this line; skip others."""
        while await self.lines.get() != words:
            pass

    async def hears_command(self, command: Command) -> None:
        await self.hears("got " + msgspec.json.encode(command).decode())

    def _read(self, master: int) -> None:
        self._pending += os.read(master, 4096)
        *lines, self._pending = self._pending.split(b"\n")
        for line in lines:
            self.lines.put_nowait(line.decode())
