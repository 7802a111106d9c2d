"""A Unix socket with one client, the newest: typed messages in and out, one JSON object a line.

The framing is asyncio's: a line ends at the newline, which JSON text never holds. Both sockets of
the kiosk, core's for the screen and the devices process's for core, are such doors.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec
import structlog

from firmware.socket_peers import MAX_LINE_BYTES, MOST_UNSENT_BYTES, is_trusted, peer_uid

log = structlog.get_logger(__name__)

Incoming = TypeVar("Incoming")
Heard = TypeVar("Heard", contravariant=True)


class Resident(Protocol[Heard]):
    """Who lives behind the door."""

    def client_came(self) -> None:
        """A client is connected and may be sent to."""
        ...

    def client_says(self, message: Heard) -> None:
        """The client has sent a valid message."""
        ...

    def client_left(self) -> None:
        """No client is there any more."""
        ...


class LineDoor(Generic[Incoming]):
    """Listens, checks who comes, decodes lines, sends lines.

    ``client`` is what the log calls the other side. ``mode`` is the socket file's; a client that
    runs under a user of its own needs 0o660 and its uid in ``allowed_uids``. ``failure`` is what
    went wrong while a message was handled: a bug, for the service to end on.
    """

    def __init__(
        self,
        path: Path,
        resident: Resident[Incoming],
        decoder: msgspec.json.Decoder[Incoming],
        *,
        client: str,
        allowed_uids: frozenset[int] = frozenset(),
        mode: int = 0o660,
        uid_of: Callable[[socket.socket], int] = peer_uid,
    ) -> None:
        self._path = path
        self._resident = resident
        self._decoder = decoder
        self._log = log.bind(client=client)
        self._allowed_uids = allowed_uids
        self._mode = mode
        self._uid_of = uid_of
        self.failure: Exception | None = None
        self._server: asyncio.Server | None = None
        self._client: asyncio.StreamWriter | None = None
        self._refused_uid: int | None = None
        self._encoder = msgspec.json.Encoder()

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
        self._let_go("this process is ending")
        with contextlib.suppress(OSError):
            self._path.unlink()

    def send(self, message: object) -> None:
        """Send to the client, if there is one; a client that does not read is let go."""
        client = self._client
        if client is None or client.is_closing():
            return
        client.write(self._encoder.encode(message) + b"\n")
        if client.transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
            self._let_go("does not read what it is sent")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid = self._uid_of(writer.get_extra_info("socket"))
        if not is_trusted(uid, self._allowed_uids):
            if uid != self._refused_uid:  # it will come again and again
                self._refused_uid = uid
                self._log.error("client refused: wrong user", uid=uid)
            writer.close()
            return
        self._refused_uid = None
        self._let_go("replaced by a newer one")
        self._client = writer
        self._log.info("client connected", uid=uid)
        try:
            self._resident.client_came()
            await self._read(reader, writer)
        except Exception as error:
            self.failure = error  # the loop would only print it, and go on with a broken state
        finally:
            writer.close()
            if self._client is writer:
                self._client = None
                self._log.info("client disconnected")
                self._resident.client_left()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                self._log.warning("client closed: line too long", limit=MAX_LINE_BYTES)
                return
            except ConnectionError:
                return
            if not line.endswith(b"\n") or self._client is not writer:
                return
            try:
                message = self._decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                # The content may be what a patient typed: only its kind and size are logged.
                self._log.warning(
                    "client closed: message not understood",
                    why=type(error).__name__,
                    size=len(line),
                )
                return
            self._resident.client_says(message)

    def _let_go(self, reason: str) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._log.warning("client let go", reason=reason)
            client.transport.abort()
            self._resident.client_left()
