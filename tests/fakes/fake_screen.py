"""The patient screen on a real Unix socket: reads screens, sends touches."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from firmware.messages.intents import (
    ChooseDepartment,
    ChooseDoctor,
    ChooseService,
    ChooseSlot,
    Intent,
    Touch,
)
from firmware.messages.views import (
    ConfirmView,
    DepartmentView,
    DoctorView,
    Screen,
    Service,
    SlotView,
)

V = TypeVar("V")


class FakeScreen:
    """One connection to core."""

    def __init__(self, path: Path) -> None:
        self.shown: list[Screen] = []
        self._path = path
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> Screen:
        """Connect as soon as core listens; return the first screen."""
        while True:
            try:
                self._reader, self._writer = await asyncio.open_unix_connection(str(self._path))
                return await self.next()
            except (ConnectionError, FileNotFoundError):
                await asyncio.sleep(0.01)

    async def next(self) -> Screen:
        assert self._reader is not None
        line = await self._reader.readline()
        if not line:
            raise EOFError("core closed the connection")
        self.shown.append(msgspec.json.decode(line, type=Screen))
        return self.shown[-1]

    async def until(self, kind: type[V], **expected: object) -> V:
        """Read screens until one shows this view with these fields."""
        while True:
            view = self.shown[-1].view
            if isinstance(view, kind) and all(
                getattr(view, name) == value for name, value in expected.items()
            ):
                return view
            await self.next()

    def touch(self, *intents: Intent) -> None:
        for intent in intents:
            self.send_raw(msgspec.json.encode(Touch(self.shown[-1].number, intent)) + b"\n")

    async def chooses_first_time(self) -> ConfirmView:
        """From home to the details of doctor D1's first time, as the made-up clinic has it."""
        self.touch(ChooseService(Service.REGISTER_TODAY))
        await self.until(DepartmentView)
        self.touch(ChooseDepartment("NK01"))
        await self.until(DoctorView)
        self.touch(ChooseDoctor("D1"))
        await self.until(SlotView)
        self.touch(ChooseSlot("D1-1"))
        return await self.until(ConfirmView)

    def send_raw(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    async def closed_by_core(self) -> None:
        """Read what still comes until core closes the connection."""
        with suppress(EOFError, ConnectionError):
            while True:
                await self.next()

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()
