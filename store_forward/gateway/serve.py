"""Runs the gateway: makes what is missing in its directory, then serves HTTPS until told to stop.

The directory holds ``gateway.db`` (or ``database-url``, see ``location.py``), ``gateway-ca.pem``
and the server's certificate and key, ``receipt-key.pem`` and its public half
``gateway-receipt.pem``, ``courier-key.pem`` and its public half ``gateway-courier.pem``,
``operator-token`` and ``enrolled/<device>.pem``. Kiosks need the three files called
``gateway-…ca``, ``…receipt`` and ``…courier``.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import secrets
import signal
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
import uvicorn
from litestar import Litestar
from uuid6 import uuid7

from store_forward.contract.keys import write_private
from store_forward.gateway.allotments import LeaseTerms
from store_forward.gateway.api import Gateway
from store_forward.gateway.app import create_app
from store_forward.gateway.batches import BatchDesk
from store_forward.gateway.case_desk import CaseDesk
from store_forward.gateway.catalogue import Catalogue
from store_forward.gateway.certificates import CertificateFiles, make_certificates
from store_forward.gateway.clinic_file import load_clinic
from store_forward.gateway.connections import (
    ConnectionLimits,
    FairListener,
    PromptLoop,
    prompt_protocol,
)
from store_forward.gateway.courier_key import courier_key
from store_forward.gateway.database import Database, open_database
from store_forward.gateway.enrolment import Enrolments
from store_forward.gateway.location import read_location
from store_forward.gateway.receipt_key import receipt_key
from store_forward.gateway.reference import set_epoch
from store_forward.gateway.stream_desk import StreamDesk

SOFTWARE = "outpost-gateway 0.1.0"

RECEIPT_KEY_ID = "gateway-1"
"""Name of the first receipt key; a later key gets the next number."""

DEFAULT_TERMS = LeaseTerms()

DEFAULT_LIMITS = ConnectionLimits()

CONNECTIONS_AT_ONCE = 512
"""Above it requests are answered 503. Half the files a process may have open by default."""

log = structlog.get_logger()


class GatewayFailed(Exception):
    """The gateway cannot start. The message says what to do."""


@dataclass(frozen=True)
class GatewayOptions:
    """How to run. ``port`` 0 takes a free one; ``port_file`` receives it once the way is open.

    ``terms``, ``limits`` and ``now`` are for tests and demonstrations.
    """

    directory: Path
    reference: Path
    host: str = "127.0.0.1"
    port: int = 0
    port_file: Path | None = None
    allow_remote: bool = False
    terms: LeaseTerms = DEFAULT_TERMS
    limits: ConnectionLimits = DEFAULT_LIMITS
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True)
class Prepared:
    """Everything that is needed to serve."""

    app: Litestar
    database: Database
    certificates: CertificateFiles


def prepare(options: GatewayOptions) -> Prepared:
    """Make what is missing in the directory and put the application together.

    Raises BadClinicFile, BadDatabaseUrl, BadKeyFile, DatabaseUnavailable or OSError.
    """
    clinic = load_clinic(options.reference)
    directory = options.directory
    enrolled = directory / "enrolled"
    for folder in (directory, enrolled):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificates = _certificates(directory, options.now())
    signing_key = receipt_key(directory)
    courier_key(directory)
    token = _token(directory)
    database = open_database(read_location(directory))
    database.transact(lambda connection: set_epoch(connection, secrets.token_hex(8)))
    enrolments = Enrolments(database, enrolled, options.now)
    enrolments.read_folder()
    catalogue = Catalogue(database, clinic, options.now, new_id, options.terms)
    catalogue.publish_today()
    desk = BatchDesk(database, signing_key, RECEIPT_KEY_ID, options.now, new_id, options.terms)
    streams = StreamDesk(database, signing_key, RECEIPT_KEY_ID, options.now, new_id)
    cases = CaseDesk(database, signing_key, RECEIPT_KEY_ID, options.now, new_id)
    gateway = Gateway(
        database, enrolments, desk, streams, cases, catalogue, options.now, token, SOFTWARE
    )
    return Prepared(create_app(gateway), database, certificates)


def serve(options: GatewayOptions) -> None:
    """Serve until SIGTERM or SIGINT. Raises what ``prepare`` raises, and GatewayFailed."""
    listener = listen(options)
    with listener:
        prepared = prepare(options)
        try:
            _end_normally_on_signals()
            server = make_server(prepared, listener, options.port_file, options.limits)
            server.run(sockets=[listener])
        finally:
            prepared.database.close()


def listen(options: GatewayOptions) -> socket.socket:
    """Open the listening socket. Raises GatewayFailed."""
    if not options.allow_remote and not _is_loopback(options.host):
        raise GatewayFailed(
            f"{options.host} can be reached from other machines: say so explicitly "
            "(--beyond-loopback) to allow it"
        )
    try:
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        listener = socket.create_server((options.host, options.port), family=family, backlog=128)
    except OSError as fault:
        raise GatewayFailed(
            f"cannot listen on {options.host}:{options.port}: {fault.strerror}"
        ) from fault
    return FairListener(listener, options.limits.per_address)


class GatewayServer(uvicorn.Server):
    """Says where it listens once it does, and does not wait long for TLS."""

    def __init__(
        self,
        config: uvicorn.Config,
        listener: socket.socket,
        port_file: Path | None,
        limits: ConnectionLimits,
    ) -> None:
        super().__init__(config)
        self._listener = listener
        self._port_file = port_file
        self._limits = limits

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        with asyncio.Runner(loop_factory=lambda: PromptLoop(self._limits)) as runner:
            runner.run(self.serve(sockets))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = self._listener.getsockname()[:2]
        log.info("gateway_ready", host=host, port=port)
        if self._port_file is not None:
            _write_port(self._port_file, port)


def make_server(
    prepared: Prepared,
    listener: socket.socket,
    port_file: Path | None = None,
    limits: ConnectionLimits = DEFAULT_LIMITS,
) -> GatewayServer:
    """A server for the prepared application, TLS 1.2 or newer only."""
    config = uvicorn.Config(
        prepared.app,
        ssl_certfile=prepared.certificates.certificate,
        ssl_keyfile=prepared.certificates.key,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
        limit_concurrency=CONNECTIONS_AT_ONCE,
        http=prompt_protocol(limits),
    )
    config.load()
    if config.ssl is None:
        raise GatewayFailed("the server certificate could not be loaded")
    config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return GatewayServer(config, listener, port_file, limits)


def new_id() -> str:
    """A UUIDv7."""
    return str(uuid7())


def _certificates(directory: Path, now: datetime) -> CertificateFiles:
    files = CertificateFiles(
        directory / "gateway-ca.pem",
        directory / "gateway-cert.pem",
        directory / "gateway-key.pem",
    )
    # The authority's file is written last: with it, the set is complete.
    return files if files.authority.exists() else make_certificates(directory, now)


def _token(directory: Path) -> str:
    path = directory / "operator-token"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32).encode())
    token = path.read_text().strip()
    if len(token) < 16:
        raise GatewayFailed(f"{path} is too short to be a token: delete it to get a new one")
    return token


def _end_normally_on_signals() -> None:
    """uvicorn stops on these signals and then raises them anew; by then all is done."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda _number, _frame: None)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _write_port(path: Path, port: int) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(f"{port}\n")
    temporary.replace(path)
