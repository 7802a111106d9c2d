"""The Unix socket of the patient screen: one client, the newest; screens out, touches in."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from firmware.core.peers import MAX_LINE_BYTES, MOST_UNSENT_BYTES, is_trusted, peer_uid
from firmware.messages.intents import Touch
from firmware.messages.views import Screen

log = structlog.get_logger(__name__)


class ScreenDoor:
    """Listens, checks who comes, sends the current screen at once and each new one.

    ``failure`` is what went wrong while a touch was handled: a bug, for the service to end on.
    ``mode`` is the socket file's; a screen that runs under a user of its own needs 0o660 and its
    uid in ``allowed_uids``.
    """

    def __init__(
        self,
        path: Path,
        *,
        touched: Callable[[Touch], None],
        current: Callable[[], Screen],
        allowed_uids: frozenset[int],
        mode: int = 0o600,
        uid_of: Callable[[socket.socket], int] = peer_uid,
    ) -> None:
        self._path = path
        self._touched = touched
        self._current = current
        self._allowed_uids = allowed_uids
        self._mode = mode
        self._uid_of = uid_of
        self.failure: Exception | None = None
        self._server: asyncio.Server | None = None
        self._client: asyncio.StreamWriter | None = None
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(Touch)

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
        """Stop listening and let the screen go."""
        if self._server is not None:
            self._server.close()
        self._let_go("core is ending")
        with contextlib.suppress(OSError):
            self._path.unlink()

    def show(self, screen: Screen) -> None:
        """Send a screen, if anybody looks; a client that comes later gets the newest."""
        client = self._client
        if client is None or client.is_closing():
            return
        client.write(self._encoder.encode(screen) + b"\n")
        if client.transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
            self._let_go("does not read what it is sent")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid = self._uid_of(writer.get_extra_info("socket"))
        if not is_trusted(uid, self._allowed_uids):
            log.warning("screen refused: wrong user", uid=uid)
            writer.close()
            return
        self._let_go("replaced by a newer one")
        self._client = writer
        log.info("screen connected", uid=uid)
        self.show(self._current())
        try:
            await self._read(reader, writer)
        except Exception as error:
            self.failure = error  # the loop would only print it, and go on with a broken state
        finally:
            writer.close()
            if self._client is writer:
                self._client = None
                log.info("screen disconnected")

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                log.warning("screen closed: line too long", limit=MAX_LINE_BYTES)
                return
            except ConnectionError:
                return
            if not line.endswith(b"\n") or self._client is not writer:
                return
            try:
                touch = self._decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                # The content may be what a patient typed: only its kind and size are logged.
                log.warning("screen closed: not a touch", why=type(error).__name__, size=len(line))
                return
            self._touched(touch)

    def _let_go(self, reason: str) -> None:
        client, self._client = self._client, None
        if client is not None:
            log.warning("screen let go", reason=reason)
            client.transport.abort()
