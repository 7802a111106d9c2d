"""Whoever only holds connections keeps no kiosk out: real TLS, several loopback addresses."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from store_forward.gateway.connections import ConnectionLimits, FairListener
from tests.fakes.journal_of import signed_headers
from tests.fakes.running_gateway import CLINIC, RunningGateway, running_gateway

KIOSK = "QH-01"

PATIENCE_SECONDS = 15.0
"""A test that has to wait this long for the gateway has failed."""

GENEROUS = ConnectionLimits(
    handshake_seconds=60, head_seconds=60, body_seconds=60, farewell_seconds=0.3, per_address=20
)
QUICK = replace(GENEROUS, handshake_seconds=0.4, head_seconds=0.4)
QUICK_BODY = replace(GENEROUS, body_seconds=0.4)

REQUEST = b"GET /v1/health HTTP/1.1\r\nHost: gateway\r\n\r\n"
HALF_A_POST = b"POST /v1/batches HTTP/1.1\r\nHost: gateway\r\nContent-Length: 10\r\n\r\n{"


def running(tmp_path: Path, limits: ConnectionLimits) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path / "gateway", CLINIC, limits=limits) as gateway:
        yield gateway


@pytest.fixture(name="quick")
def _quick(tmp_path: Path) -> Iterator[RunningGateway]:
    yield from running(tmp_path, QUICK)


@pytest.fixture(name="quick_body")
def _quick_body(tmp_path: Path) -> Iterator[RunningGateway]:
    yield from running(tmp_path, QUICK_BODY)


@pytest.fixture(name="generous")
def _generous(tmp_path: Path) -> Iterator[RunningGateway]:
    yield from running(tmp_path, GENEROUS)


def connect_tcp(gateway: RunningGateway, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(
        ("127.0.0.1", gateway.port), timeout=PATIENCE_SECONDS, source_address=(source, 0)
    )


def connect(gateway: RunningGateway, source: str = "127.0.0.1") -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(gateway.authority))
    return context.wrap_socket(connect_tcp(gateway, source), server_hostname="127.0.0.1")


def is_ended(connection: socket.socket) -> bool:
    """Wait for the gateway to end the connection, unasked."""
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except (ConnectionError, ssl.SSLError):
        return True


def answer(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    return connection.recv(65_536).split(b"\r\n")[0]


def test_a_connection_that_asks_for_nothing_is_ended(quick: RunningGateway) -> None:
    with closing(connect(quick)) as silent:
        assert is_ended(silent)


def test_a_connection_that_never_speaks_tls_is_ended(quick: RunningGateway) -> None:
    with closing(connect_tcp(quick)) as silent:
        assert is_ended(silent)


def test_a_head_that_drips_in_gets_no_more_time(quick: RunningGateway) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with closing(connect(quick)) as dripping:
        dripping.settimeout(0.02)
        dripping.sendall(b"GET /v1/health HTTP/1.1\r\nX: ")
        is_open = True
        while is_open and time.monotonic() < deadline:
            try:
                dripping.sendall(b"x")
                is_open = dripping.recv(1) != b""
            except TimeoutError:
                continue
            except (ConnectionError, ssl.SSLError):
                is_open = False
    assert not is_open


def test_a_second_head_that_drips_in_gets_no_more_time(quick: RunningGateway) -> None:
    with closing(connect(quick)) as connection:
        connection.sendall(REQUEST)
        told = b""
        while b"outpost-gateway" not in told:
            told += connection.recv(65_536)
        connection.sendall(b"G")
        connection.recv(65_536)  # the rest of the answer, or the end
        assert is_ended(connection)


def test_a_body_that_does_not_come_ends_the_connection(quick_body: RunningGateway) -> None:
    with closing(connect(quick_body)) as halting:
        halting.sendall(HALF_A_POST)
        assert is_ended(halting)


def test_a_body_may_take_longer_than_a_head(quick: RunningGateway) -> None:
    with closing(connect(quick)) as slow:
        slow.sendall(HALF_A_POST)
        time.sleep(2 * QUICK.head_seconds)
        assert answer(slow, b'"a": 123}') == b"HTTP/1.1 401 Unauthorized"


def test_a_pause_between_two_requests_may_be_longer_than_a_head(quick: RunningGateway) -> None:
    context = ssl.create_default_context(cafile=str(quick.authority))
    with httpx.Client(base_url=quick.url, verify=context, trust_env=False) as client:
        first = client.get("/v1/health").extensions["network_stream"]
        time.sleep(2 * QUICK.head_seconds)
        assert client.get("/v1/health").extensions["network_stream"].get_extra_info(
            "client_addr"
        ) == first.get_extra_info("client_addr")


def test_hundreds_of_silent_connections_do_not_keep_a_kiosk_out(
    generous: RunningGateway,
) -> None:
    key = generous.enrol(KIOSK)
    with ExitStack() as held:
        for number in range(300):
            silent = connect(generous, source=f"127.0.1.{1 + number // GENEROUS.per_address}")
            held.enter_context(closing(silent))
        url = f"{generous.url}/v1/reference/doctors"
        context = ssl.create_default_context(cafile=str(generous.authority))
        with httpx.Client(verify=context, trust_env=False, timeout=PATIENCE_SECONDS) as client:
            response = client.get(url, headers=signed_headers("GET", url, b"", key, KIOSK))
    assert response.status_code == 200


def test_one_address_cannot_hold_more_than_its_share(generous: RunningGateway) -> None:
    with ExitStack() as held:
        for _ in range(GENEROUS.per_address):
            held.enter_context(closing(connect(generous)))
        with closing(connect_tcp(generous)) as one_more:
            assert is_ended(one_more)
        with closing(connect(generous, source="127.0.0.9")) as neighbour:
            assert answer(neighbour, REQUEST) == b"HTTP/1.1 200 OK"


def test_a_share_is_free_again_when_its_connections_end() -> None:
    with FairListener(socket.create_server(("127.0.0.1", 0)), per_address=1) as listener:
        where = listener.getsockname()
        with closing(socket.create_connection(where)):
            first, _ = listener.accept()
            with (
                closing(socket.create_connection(where)),
                pytest.raises(ConnectionAbortedError, match=r"127\.0\.0\.1 holds 1"),
            ):
                listener.accept()
            first.close()
        with closing(socket.create_connection(where)):
            second, _ = listener.accept()
            second.close()
