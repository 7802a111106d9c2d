"""Where the gateway's database is: a file in its directory unless that says otherwise."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from store_forward.contract.keys import require_private

DATABASE_FILE = "gateway.db"

DATABASE_URL = "database-url"
"""File in the gateway's directory that holds the URL of a PostgreSQL database. It may hold a
password, so it is private, and neither it nor the URL is ever an argument."""

EXAMPLE = "postgresql:///outpost?host=/run/postgresql"

DRIVERS = frozenset({"postgresql", "postgresql+psycopg"})


class BadDatabaseUrl(Exception):
    """The file with the database's URL cannot be used. The message never quotes it."""


def read_location(directory: Path) -> Path | URL:
    """Return the SQLite file, or the URL if there is a file with one.

    Raises BadKeyFile when that file is open to others, and BadDatabaseUrl.
    """
    path = directory / DATABASE_URL
    if not path.exists():
        return directory / DATABASE_FILE
    require_private(path)
    try:
        url = make_url(path.read_text(encoding="utf-8").strip())
    except (ArgumentError, ValueError):
        url = None  # what is wrong with it would quote it
    if url is None or url.drivername not in DRIVERS:
        raise BadDatabaseUrl(f"{path} holds no URL of a PostgreSQL database; one is {EXAMPLE}")
    if not url.database and "service" not in url.query:
        raise BadDatabaseUrl(f"{path} names no database; a URL that does is {EXAMPLE}")
    return url
