"""The line between kiosk and gateway, with somebody at the plug: a TCP proxy on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from devices.lab.actions import Action

CHUNK_BYTES = 16_384
SETTLE_SECONDS = 0.25
"""A request whose answer is to be lost is given this long after its last byte to arrive whole."""

BATCH_BYTES = 1_200
"""A client that has sent more than this since the last answer has sent a batch, not a question.

TLS hides what is inside; signed questions without a body stay below a kilobyte.
"""

_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close sends RST, see socket(7)


class Line(StrEnum):
    """What the line is doing."""

    OPEN = "open"
    CUT = "cut"
    BLACKHOLE = "blackhole"
    SLOW = "slow"


class NetworkView(msgspec.Struct, frozen=True):
    """The line as the panel shows it."""

    line: Line
    listen: str
    target: str
    connections: int
    answers_to_drop: int
    answers_dropped: int
    delay_seconds: float
    bytes_per_second: int


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    gateway: asyncio.StreamWriter | None = None
    sent_since_answer: int = 0
    answers: int = 0
    last_byte: float = 0.0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    ending: asyncio.Task[None] | None = None


class Network:
    """Forwards connections to the gateway as its line allows."""

    def __init__(self, listen_port: int, target_port: int, host: str = "127.0.0.1") -> None:
        self._host = host
        self._listen_port = listen_port
        self._target_port = target_port
        self._line = Line.OPEN
        self._delay_seconds = 0.0
        self._bytes_per_second = 0
        self._answers_to_drop = 0
        self._batch_bytes = BATCH_BYTES
        self._answers_dropped = 0
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._changing: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where the kiosk connects to."""
        return self._listen_port

    def actions(self) -> Mapping[str, Action]:
        """What can be done to the line."""
        return {
            "cut": self.cut,
            "restore": self.restore,
            "blackhole": self.blackhole,
            "slow": self.slow,
            "drop_answers": self.drop_answers,
        }

    async def start(self) -> None:
        """Take the port and listen. Port 0 takes any free one, see ``port``."""
        self._reserve()
        await self._listen()

    async def close(self) -> None:
        """Drop everything and give the port back."""
        for task in self._changing:
            task.cancel()
        self._drop_connections()
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def view(self) -> NetworkView:
        """Everything the panel shows of it."""
        return NetworkView(
            line=self._line,
            listen=f"{self._host}:{self._listen_port}",
            target=f"{self._host}:{self._target_port}",
            connections=len(self._connections),
            answers_to_drop=self._answers_to_drop,
            answers_dropped=self._answers_dropped,
            delay_seconds=self._delay_seconds,
            bytes_per_second=self._bytes_per_second,
        )

    # --- the plug -------------------------------------------------------------------------------

    def cut(self) -> None:
        """Close what is open; new connections are refused."""
        self._line = Line.CUT
        self._drop_connections()
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._socket is not None:
            self._socket.close()
        self._reserve()  # bound and not listening: the port stays ours and refuses

    def restore(self) -> None:
        """The line is whole again. Answers still to be lost get lost on it."""
        if self._line is Line.BLACKHOLE:
            self._drop_connections()  # their bytes are lost; nobody could make sense of the rest
        self._line = Line.OPEN
        self._delay_seconds, self._bytes_per_second = 0.0, 0
        self._listen_again()

    def blackhole(self) -> None:
        """Accept connections and bytes, and never answer."""
        self._line = Line.BLACKHOLE
        self._listen_again()

    def slow(self, delay_seconds: float = 0.5, bytes_per_second: int = 4_000) -> None:
        """Delay every piece and let only so many bytes through; 0 is no limit."""
        if not 0 <= delay_seconds <= 60 or bytes_per_second < 0:
            raise ValueError("delay_seconds is 0 to 60, bytes_per_second not negative")
        if self._line is Line.BLACKHOLE:
            self._drop_connections()
        self._line = Line.SLOW
        self._delay_seconds, self._bytes_per_second = delay_seconds, bytes_per_second
        self._listen_again()

    def drop_answers(self, count: int = 1, larger_than_bytes: int = BATCH_BYTES) -> None:
        """Let the next ``count`` batches through and lose the answers to them; 0 loses none."""
        if count < 0 or larger_than_bytes < 1:
            raise ValueError("count is not negative, larger_than_bytes positive")
        self._answers_to_drop, self._batch_bytes = count, larger_than_bytes

    # --- listening ------------------------------------------------------------------------------

    def _reserve(self) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._listen_port))
        except OSError:
            listener.close()
            raise
        self._listen_port = int(listener.getsockname()[1])
        self._socket = listener

    def _listen_again(self) -> None:
        if self._server is None and self._socket is not None:
            self._socket.listen()  # from now on nobody is refused; served in a moment
            task = asyncio.get_running_loop().create_task(self._listen())
            self._changing.add(task)
            task.add_done_callback(self._changing.discard)

    async def _listen(self) -> None:
        if self._socket is not None and self._server is None and self._line is not Line.CUT:
            listener, self._socket = self._socket, None
            self._server = await asyncio.start_server(self._accept, sock=listener)

    def _drop_connections(self) -> None:
        for connection in list(self._connections):
            self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        for task in (*connection.tasks, connection.ending):
            if task is not None:
                task.cancel()
        for end in (connection.client, connection.gateway):
            if end is not None:
                _reset(end)

    # --- one connection -------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        connection = _Connection(client)
        self._connections.add(connection)
        if self._line is Line.CUT:
            self._drop(connection)
            return
        try:
            from_gateway, connection.gateway = await asyncio.open_connection(
                self._host, self._target_port
            )
        except OSError:
            self._drop(connection)
            return
        loop = asyncio.get_running_loop()
        connection.last_byte = loop.time()
        connection.tasks = {
            loop.create_task(self._forward_requests(connection, reader)),
            loop.create_task(self._forward_answers(connection, from_gateway)),
        }
        await asyncio.wait(connection.tasks, return_when=asyncio.FIRST_COMPLETED)
        if connection.ending is not None:
            await asyncio.wait({connection.ending})
        tasks = [task for task in (*connection.tasks, connection.ending) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)  # resets are this program's trade
        connection.client.close()
        connection.gateway.close()
        self._connections.discard(connection)

    async def _forward_requests(
        self, connection: _Connection, reader: asyncio.StreamReader
    ) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(CHUNK_BYTES):
            connection.sent_since_answer += len(data)
            connection.last_byte = loop.time()
            if connection.gateway is not None and await self._passes(data):
                connection.gateway.write(data)
                await connection.gateway.drain()

    async def _forward_answers(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(CHUNK_BYTES):
            connection.last_byte = loop.time()
            if connection.ending is not None:
                continue
            if self._loses_answer(connection):
                self._answers_to_drop -= 1
                self._answers_dropped += 1
                connection.ending = loop.create_task(self._end_when_settled(connection))
                continue
            connection.answers += 1
            connection.sent_since_answer = 0
            if await self._passes(data):
                connection.client.write(data)
                await connection.client.drain()

    def _loses_answer(self, connection: _Connection) -> bool:
        """Whether this answer is one to lose. The first is the TLS handshake's."""
        return (
            self._answers_to_drop > 0
            and connection.answers > 0
            and connection.sent_since_answer >= self._batch_bytes
        )

    async def _end_when_settled(self, connection: _Connection) -> None:
        """Let the whole request arrive (what came back may be a mere TLS ticket), then hang up.

        Towards the gateway the end is orderly, so that it carries out what it has been sent.
        """
        loop = asyncio.get_running_loop()
        left = SETTLE_SECONDS
        while left > 0:
            await asyncio.sleep(left)
            left = connection.last_byte + SETTLE_SECONDS - loop.time()
        _reset(connection.client)
        if connection.gateway is not None:
            connection.gateway.close()

    async def _passes(self, data: bytes) -> bool:
        if self._line is Line.SLOW:
            pace = len(data) / self._bytes_per_second if self._bytes_per_second else 0.0
            await asyncio.sleep(self._delay_seconds + pace)
        return self._line is not Line.BLACKHOLE


def _reset(end: asyncio.StreamWriter) -> None:
    """Close at once, with a reset, as a broken line does in the end."""
    raw = end.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    end.transport.abort()
