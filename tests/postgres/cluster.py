"""One PostgreSQL server of our own: an empty data directory, a Unix socket, no port.

The Debian package may have started a server of the system; that one is never touched.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL

PROGRAMS = Path("/usr/lib/postgresql")
ADMINISTRATOR = "postgres"
GATEWAY_ROLE = "outpost"
"""As in a hospital: it owns its database and is no superuser."""

SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "jit": "off",
    "max_connections": "300",
    "max_wal_senders": "0",
    "max_wal_size": "160MB",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
}

START_SECONDS = 20.0


class NoCluster(Exception):
    """PostgreSQL could not be started; says what its log says."""


class PrivateCluster:
    """A server in its directory. Started, it dies with the process that started it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._data = directory / "data"
        self._sockets = directory / "sockets"
        self._log = directory / "log"
        self._server: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Make the cluster with the gateway's role and no database."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for folder in (self._data, self._sockets):
            folder.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(folder, *_unprivileged())
        self._run(
            *(str(_program("initdb")), "--pgdata", str(self._data), "--auth", "trust", "--no-sync"),
            *("--username", ADMINISTRATOR, "--encoding", "UTF8", "--no-locale"),
        )
        self.start()
        self.administer(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(GATEWAY_ROLE)))

    def start(self) -> None:
        """Start it and wait until it answers. Raises NoCluster."""
        settings = {**SETTINGS, "unix_socket_directories": str(self._sockets)}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # SIGQUIT is PostgreSQL's immediate shutdown; the kernel sends it should we die.
        command = [*_as_unprivileged("--pdeathsig", "QUIT"), str(_program("postgres"))]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [*command, "-D", str(self._data), *arguments],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise NoCluster(f"PostgreSQL does not start:\n{self._log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once, as a power cut would; nothing may be lost by that."""
        if self._server is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._server.send_signal(signal.SIGQUIT)
        self._server.wait(timeout=20)
        self._server = None

    def remove(self) -> None:
        """Stop it and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database: str, role: str = GATEWAY_ROLE) -> URL:
        """Where a database is, for the gateway."""
        query = {"host": str(self._sockets)}
        return URL.create("postgresql", username=role, database=database, query=query)

    def connect(self, database: str, role: str = ADMINISTRATOR) -> psycopg.Connection:
        """A connection of the test's own, each statement a transaction."""
        return psycopg.connect(host=str(self._sockets), user=role, dbname=database, autocommit=True)

    def administer(self, statement: sql.Composed, database: str = "postgres") -> None:
        with self.connect(database) as connection:
            connection.execute(statement)

    def create_database(self, name: str, template: str = "template0") -> URL:
        """A database of the gateway's role."""
        self.administer(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(GATEWAY_ROLE), sql.Identifier(template)
            )
        )
        return self.url(name)

    def drop_database(self, name: str) -> None:
        self.administer(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def process_id(self) -> int:
        """The server's process."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def _answers(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            [*_as_unprivileged(), *command],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise NoCluster(f"{command[0]} failed: {done.stderr or done.stdout}")


def _program(name: str) -> Path:
    found = sorted(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise NoCluster(
            f"PostgreSQL's {name} is not below {PROGRAMS}: install the Debian package postgresql"
        )
    return found[-1]


def _as_unprivileged(*options: str) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return ["setpriv", *options] if options else []
    user, group = _unprivileged()
    identity = ("--reuid", str(user), "--regid", str(group), "--clear-groups")
    return ["setpriv", *identity, *options]


def _unprivileged() -> tuple[int, int]:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise NoCluster("there is neither a user postgres nor a user nobody to run PostgreSQL as")
