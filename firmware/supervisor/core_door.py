"""The Unix socket on which core talks to the devices process: one client, the newest one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from devices.messages import FromDevices, ToDevices

MAX_LINE_BYTES = 1_048_576
"""Longest line either side sends."""

MOST_UNSENT_BYTES = 4_194_304
"""A client that lets so much pile up is stuck and is let go; kept events are sent to the next."""

log = structlog.get_logger(__name__)


class Host(Protocol):
    """What the door tells the service."""

    def core_came(self) -> None:
        """A client is connected and may be sent to."""
        ...

    def core_says(self, message: ToDevices) -> None:
        """The client has sent a valid message."""
        ...

    def core_left(self) -> None:
        """No client is there any more."""
        ...


def peer_uid(connection: socket.socket) -> int:
    """User id of the process at the other end (SO_PEERCRED, unix(7))."""
    size = struct.calcsize("3i")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _pid, uid, _gid = struct.unpack("3i", credentials)
    return int(uid)


class CoreDoor:
    """Listens, checks who comes, reads lines, writes lines."""

    def __init__(
        self,
        path: Path,
        host: Host,
        *,
        allowed_uids: frozenset[int] = frozenset(),
        mode: int = 0o660,
        uid_of: Callable[[socket.socket], int] = peer_uid,
    ) -> None:
        self._path = path
        self._host = host
        self._allowed_uids = allowed_uids
        self._mode = mode
        self._uid_of = uid_of
        self._server: asyncio.Server | None = None
        self._client: asyncio.StreamWriter | None = None
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(ToDevices)

    async def open(self) -> None:
        """Start to listen. A socket left behind by an earlier run is replaced."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.is_socket():
            self._path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            listener.bind(str(self._path))
            self._path.chmod(self._mode)  # before listening: nobody can have connected yet
            self._server = await asyncio.start_unix_server(
                self._serve, sock=listener, limit=MAX_LINE_BYTES
            )
        except BaseException:
            listener.close()
            raise

    async def close(self) -> None:
        """Stop listening and let the client go."""
        if self._server is not None:
            self._server.close()
        self._let_go("supervisor is ending")
        with contextlib.suppress(OSError):
            self._path.unlink()

    def send(self, message: FromDevices) -> None:
        """Send to the client, if there is one."""
        client = self._client
        if client is None or client.is_closing():
            return
        client.write(self._encoder.encode(message) + b"\n")
        if client.transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
            self._let_go("does not read what it is sent")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid = self._uid_of(writer.get_extra_info("socket"))
        if uid != os.geteuid() and uid not in self._allowed_uids:
            log.warning("client refused: wrong user", uid=uid)
            writer.close()
            return
        self._let_go("replaced by a newer client")
        self._client = writer
        log.info("core connected", uid=uid)
        self._host.core_came()
        try:
            await self._read(reader, writer)
        finally:
            writer.close()
            if self._client is writer:
                self._client = None
                log.info("core disconnected")
                self._host.core_left()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self._client is writer:
            try:
                line = await reader.readline()
            except ValueError:
                log.warning("client closed: line too long", limit=MAX_LINE_BYTES)
                return
            except ConnectionError:
                return
            if not line.endswith(b"\n"):
                return
            if self._client is not writer:
                return
            try:
                message = self._decoder.decode(line)
            except msgspec.DecodeError as error:
                log.warning("client closed: message not understood", error=str(error))
                return
            self._host.core_says(message)

    def _let_go(self, reason: str) -> None:
        client, self._client = self._client, None
        if client is not None:
            log.warning("client let go", reason=reason)
            client.transport.abort()
            self._host.core_left()
