"""The devices process on a real Unix socket, with the acceptor and printer of ``FakeDevices``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from devices.messages import Acknowledge, CaughtUp, Execute, FromDevices, ToDevices
from tests.fakes.fake_devices import FakeDevices


class FakeDevicesServer:
    """One client at a time, kept events again after each reconnect."""

    def __init__(self, path: Path, devices: FakeDevices | None = None) -> None:
        self.devices = devices or FakeDevices()
        self.acknowledged: list[Acknowledge] = []
        self._path = path
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._decoder = msgspec.json.Decoder(ToDevices)

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self._path))

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.hang_up()

    def hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def insert(self, yuan: int) -> bool:
        taken = self.devices.insert(yuan * 100)
        self.flush()
        return taken

    def send_raw(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    def flush(self) -> None:
        """Send everything the devices have to say."""
        while (delivery := self.devices.next_delivery()) is not None:
            self._send(delivery)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.devices.connect()
        self.flush()
        self._send(CaughtUp("boot-1"))
        while line := await reader.readline():
            match self._decoder.decode(line):
                case Execute(command=command):
                    self.devices.tell(command)
                    self.flush()
                case Acknowledge() as acknowledge:
                    self.acknowledged.append(acknowledge)
                    self.devices.acknowledge_number(acknowledge.number)
        if self._writer is writer:
            self._writer = None
            self.devices.disconnect()
        writer.close()

    def _send(self, message: FromDevices) -> None:
        if self._writer is not None:
            self._writer.write(msgspec.json.encode(message) + b"\n")
