"""Core's end of the devices socket, as a test sees it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from devices.messages import (
    Acknowledge,
    CaughtUp,
    Command,
    Delivery,
    DeviceState,
    DeviceStatus,
    Event,
    Execute,
    FromDevices,
)


class CoreClient:
    """Connects, reads deliveries, acknowledges only when told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = msgspec.json.Decoder(FromDevices)

    @classmethod
    async def connect(cls, path: Path) -> CoreClient:
        return cls(*await asyncio.open_unix_connection(path))

    async def receive(self) -> FromDevices:
        """Next message. Raises EOFError when the other side has closed."""
        line = await self._reader.readline()
        if not line:
            raise EOFError
        message: FromDevices = self._decoder.decode(line)
        return message

    async def until_caught_up(self) -> list[Delivery]:
        """What is delivered after a connect."""
        deliveries = []
        while not isinstance(message := await self.receive(), CaughtUp):
            deliveries.append(message)
        return deliveries

    async def delivery(self, wanted: Callable[[Event], bool]) -> Delivery:
        """Next delivery whose event is wanted; others are skipped."""
        while True:
            message = await self.receive()
            if isinstance(message, Delivery) and wanted(message.event):
                return message

    async def state(self, state: DeviceState) -> DeviceStatus:
        """Wait for a device to be in ``state``."""
        delivery = await self.delivery(
            lambda event: isinstance(event, DeviceStatus) and event.state is state
        )
        assert isinstance(delivery.event, DeviceStatus)
        return delivery.event

    def execute(self, command: Command) -> None:
        self._send(Execute(command=command))

    def acknowledge(self, delivery: Delivery) -> None:
        self._send(Acknowledge(boot=delivery.boot, number=delivery.number))

    def send_raw(self, data: bytes) -> None:
        self._writer.write(data)

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def _send(self, message: Execute | Acknowledge) -> None:
        self._writer.write(msgspec.json.encode(message) + b"\n")
