"""Core's end of the devices socket: connects for ever, hears events, tells commands."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from pathlib import Path
from typing import Protocol, assert_never

import msgspec
import structlog

from devices.messages import (
    Acknowledge,
    CaughtUp,
    Command,
    Delivery,
    Execute,
    FromDevices,
    ToDevices,
)
from firmware.socket_peers import MAX_LINE_BYTES, MOST_UNSENT_BYTES, is_trusted, peer_uid

RETRY_SECONDS = 0.25
"""Between two attempts to connect: short beside a restart of the devices process."""

LONGEST_RETRY_SECONDS = 5.0
"""Where one side refuses the other only staff can help; until then attempts get this rare."""

log = structlog.get_logger(__name__)


class Visit(Enum):
    """How an attempt to talk to the devices process went."""

    TALKED = auto()
    ABSENT = auto()
    REFUSED = auto()


class Listener(Protocol):
    """Who hears what the devices process says."""

    def devices_heard(self, delivery: Delivery) -> bool:
        """Take an event. Returns whether it may be acknowledged: its facts are durable."""
        ...

    def devices_caught_up(self) -> None:
        """All states and kept events have come."""
        ...

    def devices_lost(self) -> None:
        """The connection is gone."""
        ...


class DevicesLine:
    """A ``Peripherals`` port over the socket."""

    def __init__(
        self,
        path: Path,
        listener: Listener,
        *,
        allowed_uids: frozenset[int],
        uid_of: Callable[[socket.socket], int] = peer_uid,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._path = path
        self._listener = listener
        self._allowed_uids = allowed_uids
        self._uid_of = uid_of
        self._sleep = sleep
        self._trouble: str | None = None
        self._has_talked = False
        self._writer: asyncio.StreamWriter | None = None
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(FromDevices)

    async def run(self) -> None:
        """Keep the connection up until cancelled."""
        pause = RETRY_SECONDS
        while True:
            is_refused = await self._visit() is Visit.REFUSED
            await self._sleep(pause if is_refused else RETRY_SECONDS)
            pause = min(2 * pause, LONGEST_RETRY_SECONDS) if is_refused else RETRY_SECONDS

    def tell(self, command: Command) -> None:
        """Send a command if the devices process is there."""
        self._send(Execute(command))

    def hang_up(self) -> None:
        """Drop the connection; the next one delivers everything unacknowledged anew."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def _visit(self) -> Visit:
        try:
            reader, writer = await asyncio.open_unix_connection(
                str(self._path), limit=MAX_LINE_BYTES
            )
        except PermissionError:
            return self._refused("core may not open the devices socket: check its group and mode")
        except OSError:
            return Visit.ABSENT
        uid = self._uid_of(writer.get_extra_info("socket"))
        if not is_trusted(uid, self._allowed_uids):
            writer.close()
            return self._refused(f"devices socket belongs to a wrong user, uid {uid}")
        return await self._use(reader, writer)

    async def _use(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Visit:
        self._writer, self._has_talked = writer, False
        try:
            await self._read(reader, writer)
        finally:
            self._writer = None
            writer.close()
            if self._has_talked:
                log.warning("devices disconnected")
                self._listener.devices_lost()
        if self._has_talked:
            return Visit.TALKED
        return self._refused("devices hang up on core: check the user core runs as")

    def _refused(self, why: str) -> Visit:
        """Log once what staff must mend, not at every attempt."""
        if why != self._trouble:
            self._trouble = why
            log.error("devices refused", why=why, path=str(self._path))
        return Visit.REFUSED

    def _talks(self) -> None:
        """The first valid word: whoever refuses says none."""
        if not self._has_talked:
            self._has_talked, self._trouble = True, None
            log.info("devices connected")

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            try:
                line = await reader.readline()
            except (ValueError, ConnectionError) as error:
                log.warning("devices line broken", why=type(error).__name__)
                return
            if not line.endswith(b"\n"):
                return
            try:
                message = self._decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                # May hold a card's content: only its kind and size are logged.
                log.error("not a devices message", why=type(error).__name__, size=len(line))
                return
            self._talks()
            self._hear(message)

    def _hear(self, message: FromDevices) -> None:
        match message:
            case Delivery():
                may_acknowledge = self._listener.devices_heard(message)
                if message.must_acknowledge and may_acknowledge:
                    self._send(Acknowledge(message.boot, message.number))
            case CaughtUp():
                self._listener.devices_caught_up()
            case _:
                assert_never(message)

    def _send(self, message: ToDevices) -> None:
        writer = self._writer
        if writer is None or writer.is_closing():
            log.warning("not told: devices are away", message=type(message).__name__)
            return
        writer.write(self._encoder.encode(message) + b"\n")
        if writer.transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
            log.error("devices do not read what they are told")
            self.hang_up()
