"""How the gateway is told where its database is."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import URL

from store_forward.contract.keys import BadKeyFile, write_private
from store_forward.gateway.location import BadDatabaseUrl, read_location


def tell(directory: Path, content: str) -> None:
    write_private(directory / "database-url", content.encode())


def test_without_a_url_it_is_a_file_in_the_directory(tmp_path: Path) -> None:
    assert read_location(tmp_path) == tmp_path / "gateway.db"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///outpost?host=/run/postgresql",
        "postgresql+psycopg://outpost:secret@db.example:5432/outpost?sslmode=verify-full",
        "postgresql:///?service=outpost",
    ],
)
def test_a_file_with_a_url_leads_to_postgresql(tmp_path: Path, url: str) -> None:
    tell(tmp_path, f"{url}\n")
    where = read_location(tmp_path)
    assert isinstance(where, URL)
    assert where.query or where.host


@pytest.mark.parametrize(
    "content",
    [
        "",
        "secret",
        "mysql://root:secret@db/outpost",
        "sqlite:////secret.db",
        "postgresql://outpost:secret@db:secret/outpost",
        "postgresql+asyncpg://outpost:secret@db/outpost",
        "postgresql://outpost:secret@db",
    ],
)
def test_anything_else_is_refused_without_quoting_it(tmp_path: Path, content: str) -> None:
    tell(tmp_path, content)
    with pytest.raises(BadDatabaseUrl, match=r"database-url.*postgresql:///outpost") as caught:
        read_location(tmp_path)
    assert "secret" not in str(caught.value)


def test_a_file_others_can_read_is_refused(tmp_path: Path) -> None:
    tell(tmp_path, "postgresql:///outpost")
    (tmp_path / "database-url").chmod(0o640)
    with pytest.raises(BadKeyFile, match="chmod 600"):
        read_location(tmp_path)
