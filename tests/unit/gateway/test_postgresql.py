"""The gateway on a PostgreSQL server: settings that keep promises, errors that keep secrets."""

from __future__ import annotations

from collections.abc import Iterator
from traceback import format_exception

import pytest
from psycopg import sql
from sqlalchemy import URL, CheckConstraint, Connection, insert, text

from store_forward.gateway.database import (
    Database,
    DatabaseUnavailable,
    StatementRefused,
    open_database,
)
from store_forward.gateway.tables import metadata, patient, slot
from tests.postgres.cluster import GATEWAY_ROLE, PrivateCluster
from tests.postgres.databases import Databases

PATIENT = {
    "id_type": "resident_id",
    "id_number": "11010519491231002X",
    "patient_number": "P1",
    "name": "甲一",
    "verified": 1,
}


@pytest.fixture(name="url")
def _url(databases: Databases) -> Iterator[URL]:
    with databases.migrated() as url:
        yield url


@pytest.fixture(name="database")
def _database(url: URL) -> Iterator[Database]:
    database = open_database(url)
    yield database
    database.close()


def setting(connection: Connection, name: str) -> str:
    return str(connection.exec_driver_sql(f"SHOW {name}").scalar_one())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statement_timeout", "15s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("transaction_isolation", "read committed"),
        ("synchronous_commit", "on"),
        ("application_name", "outpost-gateway"),
    ],
)
def test_every_wait_has_an_end_and_every_commit_is_on_the_disk(
    database: Database, name: str, value: str
) -> None:
    with database.write() as connection:
        assert setting(connection, name) == value


def test_a_look_cannot_write(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable), database.read() as connection:
        connection.execute(insert(patient).values(PATIENT))


def test_what_the_url_says_goes_before_the_gateways_settings(url: URL) -> None:
    asked = url.update_query_dict({"options": "-c lock_timeout=7000", "application_name": "mine"})
    database = open_database(asked)
    with database.write() as connection:
        assert setting(connection, "lock_timeout") == "7s"
        assert setting(connection, "statement_timeout") == "15s"
        assert setting(connection, "application_name") == "mine"
    database.close()


def test_a_commit_waits_for_the_disk_also_where_the_role_has_it_off(
    cluster: PrivateCluster, url: URL
) -> None:
    assert url.database is not None
    cluster.administer(
        sql.SQL("ALTER ROLE {} IN DATABASE {} SET synchronous_commit = off").format(
            sql.Identifier(GATEWAY_ROLE), sql.Identifier(url.database)
        )
    )
    database = open_database(url)
    with database.write() as connection:
        assert setting(connection, "synchronous_commit") == "on"
    database.close()
    cluster.administer(
        sql.SQL("ALTER ROLE {} IN DATABASE {} RESET ALL").format(
            sql.Identifier(GATEWAY_ROLE), sql.Identifier(url.database)
        )
    )


def test_an_encoding_without_chinese_is_refused(cluster: PrivateCluster) -> None:
    cluster.administer(
        sql.SQL("CREATE DATABASE latin OWNER {} ENCODING 'LATIN1' TEMPLATE template0").format(
            sql.Identifier(GATEWAY_ROLE)
        )
    )
    with pytest.raises(DatabaseUnavailable, match=r"LATIN1.*UTF8"):
        open_database(cluster.url("latin"))
    cluster.drop_database("latin")


def test_a_database_that_is_not_there_is_named(cluster: PrivateCluster) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"PostgreSQL database nowhere: .*nowhere"):
        open_database(cluster.url("nowhere"))


def test_a_server_out_of_reach_is_told_without_the_password() -> None:
    url = URL.create("postgresql", "outpost", "secret", "127.0.0.1", 1, "outpost")
    with pytest.raises(DatabaseUnavailable, match=r"PostgreSQL database outpost") as caught:
        open_database(url)
    assert "secret" not in "".join(format_exception(caught.value))


def test_what_the_server_says_of_a_patient_never_leaves_the_database(database: Database) -> None:
    other = {**PATIENT, "patient_number": "P2"}
    with pytest.raises(DatabaseUnavailable, match="pk_patient") as caught:
        database.transact(lambda connection: connection.execute(insert(patient), [PATIENT, other]))
    told = "".join(format_exception(caught.value))
    assert str(PATIENT["id_number"]) not in told
    assert str(PATIENT["name"]) not in told


def test_a_mistake_is_told_by_its_code_alone(database: Database) -> None:
    query = text("SELECT CAST(:name AS integer)")
    with pytest.raises(StatementRefused, match="22P02") as caught, database.read() as connection:
        connection.execute(query, {"name": PATIENT["name"]})
    assert str(PATIENT["name"]) not in "".join(format_exception(caught.value))


def test_what_a_kiosk_caused_is_unique_only_together_with_the_kiosk() -> None:
    """Citus distributes a table by a column that all its unique constraints hold."""
    shared = {"patient", "slot", "counter", "gateway", "reference"}
    for table in metadata.tables.values():
        if table.name not in shared:
            for constraint in table.constraints:
                if isinstance(constraint, CheckConstraint):
                    continue
                names = [column.name for column in getattr(constraint, "columns", [])]
                assert names[:1] == ["device"], f"{table.name}: {constraint}"
    assert slot.name in shared
