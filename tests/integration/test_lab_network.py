"""The line between kiosk and gateway, with real sockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices.lab.network import BATCH_BYTES, Line, Network
from store_forward.gateway.certificates import make_certificates

BATCH = b"b" * (BATCH_BYTES + 500) + b"\n"
HELLO = b"hello\n"


@dataclass
class Gateway:
    """Answers every line, once it is whole; remembers what it has carried out."""

    carried_out: list[bytes] = field(default_factory=list)
    heard_batch: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self.carried_out.append(line)
                writer.write(b"done\n")
                await writer.drain()
                if line == BATCH:
                    self.heard_batch.set()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def line_to_gateway(
    shown: ssl.SSLContext | None,
) -> AsyncIterator[tuple[Network, Gateway]]:
    gateway = Gateway()
    server = await asyncio.start_server(gateway.serve, "127.0.0.1", 0, ssl=shown)
    gateway.port = server.sockets[0].getsockname()[1]
    network = Network(0, gateway.port)
    await network.start()
    try:
        yield network, gateway
    finally:
        await network.close()
        server.close()
        await server.wait_closed()


class Kiosk:
    """One connection of the kiosk."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, line: bytes) -> bytes:
        """Send a line and return the answer, b"" when the line is closed."""
        self._writer.write(line)
        return await self.listen()

    async def listen(self) -> bytes:
        try:
            return await self._reader.readline()
        except ConnectionError:
            return b""

    def send(self, line: bytes) -> None:
        self._writer.write(line)

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@asynccontextmanager
async def kiosk(network: Network) -> AsyncIterator[Kiosk]:
    one = Kiosk(*await asyncio.open_connection("127.0.0.1", network.port))
    try:
        yield one
    finally:
        await one.close()


def run(
    scenario: Callable[[Network, Gateway], Awaitable[None]],
    shown: ssl.SSLContext | None = None,
) -> None:
    async def limited() -> None:
        async with line_to_gateway(shown) as (network, gateway):
            await asyncio.wait_for(scenario(network, gateway), timeout=10)

    asyncio.run(limited())


async def connects(network: Network) -> bool:
    try:
        async with kiosk(network) as one:
            return await one.ask(HELLO) == b"done\n"
    except ConnectionError:
        return False


def test_an_open_line_carries_both_ways() -> None:
    async def scenario(network: Network, gateway: Gateway) -> None:
        async with kiosk(network) as one:
            assert await one.ask(HELLO) == b"done\n"
            assert await one.ask(BATCH) == b"done\n"
        assert gateway.carried_out == [HELLO, BATCH]

    run(scenario)


def test_a_cut_closes_what_is_open_and_refuses_what_comes_until_restored() -> None:
    async def scenario(network: Network, gateway: Gateway) -> None:
        async with kiosk(network) as one:
            assert await one.ask(HELLO) == b"done\n"
            network.cut()
            assert await one.listen() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", network.port)
        assert network.view().line is Line.CUT
        network.restore()
        assert await connects(network)

    run(scenario)


def test_cutting_twice_and_restoring_twice_is_harmless() -> None:
    async def scenario(network: Network, gateway: Gateway) -> None:
        network.cut()
        network.cut()
        network.restore()
        network.restore()
        assert await connects(network)

    run(scenario)


def test_a_black_hole_takes_everything_and_answers_nothing() -> None:
    async def scenario(network: Network, gateway: Gateway) -> None:
        network.blackhole()
        async with kiosk(network) as one:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(one.ask(HELLO), timeout=0.2)
        assert gateway.carried_out == []
        network.restore()
        assert await connects(network)

    run(scenario)


def test_a_slow_line_is_slow_and_complete() -> None:
    async def scenario(network: Network, gateway: Gateway) -> None:
        network.slow(delay_seconds=0.1, bytes_per_second=0)
        loop = asyncio.get_running_loop()
        async with kiosk(network) as one:
            began = loop.time()
            assert await one.ask(HELLO) == b"done\n"
            assert loop.time() - began >= 0.2

    run(scenario)


def test_a_lost_answer_is_to_a_request_that_was_carried_out() -> None:
    async def scenario(network: Network, gateway: Gateway) -> None:
        network.drop_answers(1)
        async with kiosk(network) as one:
            assert await one.ask(HELLO) == b"done\n"
            assert await one.ask(HELLO) == b"done\n"
            assert await one.ask(BATCH) == b""
        assert gateway.carried_out == [HELLO, HELLO, BATCH]
        async with kiosk(network) as one:
            assert await one.ask(HELLO) == b"done\n"
            assert await one.ask(BATCH) == b"done\n"
        assert network.view().answers_dropped == 1

    run(scenario)


def test_a_batch_in_pieces_arrives_whole_although_its_answer_is_lost() -> None:
    async def scenario(network: Network, gateway: Gateway) -> None:
        network.drop_answers(1)
        async with kiosk(network) as one:
            assert await one.ask(HELLO) == b"done\n"
            # A line like a TLS ticket: an answer that comes when much, but not all, was sent.
            one.send(b"x" * BATCH_BYTES + b"\n" + BATCH[:700])
            await asyncio.sleep(0.1)
            one.send(BATCH[700:])
            assert await one.listen() == b""
        await gateway.heard_batch.wait()

    run(scenario)


def test_answers_to_be_lost_after_a_cut_are_ordered_before_the_line_comes_back() -> None:
    async def scenario(network: Network, gateway: Gateway) -> None:
        network.cut()
        network.drop_answers(1)
        network.restore()
        async with kiosk(network) as one:
            assert await one.ask(HELLO) == b"done\n"
            assert await one.ask(BATCH) == b""
        assert network.view().answers_to_drop == 0

    run(scenario)


def test_inside_tls_the_handshake_passes_and_the_answer_to_the_batch_is_lost(
    tmp_path: Path,
) -> None:
    files = make_certificates(tmp_path, datetime.now(UTC))
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(files.certificate, files.key)
    trusted = ssl.create_default_context(cafile=str(files.authority))

    async def scenario(network: Network, gateway: Gateway) -> None:
        network.drop_answers(1)
        for answer in (b"", b"done\n"):
            one = Kiosk(*await asyncio.open_connection("127.0.0.1", network.port, ssl=trusted))
            assert await one.ask(HELLO) == b"done\n"
            assert await one.ask(BATCH) == answer
            await one.close()
        # And when the batch is the first thing said, together with the end of the handshake.
        network.drop_answers(1)
        gateway.heard_batch.clear()
        one = Kiosk(*await asyncio.open_connection("127.0.0.1", network.port, ssl=trusted))
        assert await one.ask(BATCH) == b""
        await one.close()
        await gateway.heard_batch.wait()
        assert network.view().answers_dropped == 2

    run(scenario, shown)


def test_a_cut_right_after_a_restore_holds() -> None:
    async def scenario(network: Network, gateway: Gateway) -> None:
        network.cut()
        network.restore()
        network.cut()
        await asyncio.sleep(0.05)
        assert not await connects(network)

    run(scenario)


def test_without_a_gateway_the_line_is_dead() -> None:
    async def limited() -> None:
        server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        network = Network(0, port)
        await network.start()
        try:
            assert not await connects(network)
        finally:
            await network.close()

    asyncio.run(limited())
