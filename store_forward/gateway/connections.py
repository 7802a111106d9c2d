"""Who may hold a connection, and for how long without asking for anything.

Anyone who reaches the port can open connections; only kiosks can sign requests. So a connection
must earn its place: TLS shaken, head and body of each request delivered in time, and no address
holds more than its share. Beyond one machine a proxy in front has limits of its own.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

log = structlog.get_logger()


@dataclass(frozen=True)
class ConnectionLimits:
    """Times in seconds, each from the end of the step before; ``per_address`` connections."""

    handshake_seconds: float = 10.0
    head_seconds: float = 10.0
    body_seconds: float = 120.0
    """The largest batch (1 MiB) over a bad mobile line of 10 kB/s."""

    farewell_seconds: float = 5.0
    """How long the other side may take to close its end (TLS close_notify)."""

    per_address: int = 64


class FairListener(socket.socket):
    """A listening socket that lets no address hold more connections than its share."""

    def __init__(self, listener: socket.socket, per_address: int) -> None:
        super().__init__(fileno=listener.detach())
        self._per_address = per_address
        self._address_of: WeakKeyDictionary[socket.socket, str] = WeakKeyDictionary()
        self._refused: set[str] = set()

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection. Raises ConnectionAbortedError when it was one too many.

        The event loop takes that for a caller who hung up, and sees to its other work first.
        """
        connection, address = super().accept()
        host = str(address[0])
        held = sum(
            other == host and each.fileno() != -1 for each, other in self._address_of.items()
        )
        if held < self._per_address:
            self._address_of[connection] = host
            self._refused.discard(host)
            return connection, address
        connection.close()
        if host not in self._refused:  # once, not for each of thousands
            self._refused.add(host)
            log.warning("too_many_connections", address=host, held=held)
        raise ConnectionAbortedError(f"{host} holds {held} connections already")


class PromptLoop(asyncio.SelectorEventLoop):
    """An event loop whose TLS servers do not wait long: uvicorn leaves asyncio's 60 s."""

    def __init__(self, limits: ConnectionLimits) -> None:
        super().__init__()
        self._limits = limits

    async def create_server(self, *args: Any, **kwargs: Any) -> asyncio.Server:
        """As asyncio's, with our limits for a server with TLS."""
        if kwargs.get("ssl") is not None:
            kwargs["ssl_handshake_timeout"] = self._limits.handshake_seconds
            kwargs["ssl_shutdown_timeout"] = self._limits.farewell_seconds
        return await super().create_server(*args, **kwargs)


class PromptProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with a time limit on the arrival of each request.

    Between two requests uvicorn's own keep-alive limit holds; it ends with the first byte.
    """

    limits: ClassVar[ConnectionLimits] = ConnectionLimits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._awaited: object = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await(h11.IDLE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._await(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        state = self.conn.their_state
        self._await(state if state in (h11.IDLE, h11.SEND_BODY) else None)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # An early answer, to a body too large for instance, does not end the wait for the body.
        self._await(h11.SEND_BODY if self.conn.their_state is h11.SEND_BODY else None)

    def _await(self, state: object) -> None:
        """Give the peer its time to get out of this state; the same one starts no new time."""
        if state is self._awaited:
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._awaited, self._deadline = state, None
        if state is not None:
            is_head = state is h11.IDLE
            seconds = self.limits.head_seconds if is_head else self.limits.body_seconds
            self._deadline = self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        # Not close(): that waits for a farewell from somebody who is silent.
        log.debug("request_did_not_arrive", address=self.client[0] if self.client else None)
        self.transport.abort()


def prompt_protocol(limits: ConnectionLimits) -> type[PromptProtocol]:
    """The protocol with these limits: uvicorn makes one per connection from a class."""

    class Limited(PromptProtocol):
        pass

    Limited.limits = limits
    return Limited
