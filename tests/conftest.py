"""Fixtures for all tests: the gateway's databases, on SQLite and on PostgreSQL.

And how Hypothesis plays: the same examples in every run, and no time limit on a single one, which
a busy machine would miss. What is to be drawn at random is in ``outpost test --fuzz``.

Imports are inside, so that tests of other parts need not load the database libraries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.postgres.cluster import PrivateCluster
    from tests.postgres.databases import Databases
    from tests.postgres.places import Place, Places

settings.register_profile("ordinary", deadline=None, derandomize=True, database=None)
settings.load_profile("ordinary")


@pytest.fixture(name="cluster", scope="session")
def _cluster() -> PrivateCluster:
    """The test run's private PostgreSQL."""
    from tests.postgres.shared import join_cluster, run_owner

    return join_cluster(run_owner())


@pytest.fixture(name="databases", scope="session")
def _databases(cluster: PrivateCluster) -> Databases:
    """Empty databases in it."""
    from tests.postgres.databases import Databases

    return Databases(cluster)


@pytest.fixture(name="places", scope="session", params=["sqlite", "postgresql"])
def _places(request: pytest.FixtureRequest) -> Places:
    """Whoever asks for it runs on both databases."""
    from tests.postgres.places import PostgresqlPlaces, SqlitePlaces

    if request.param == "sqlite":
        return SqlitePlaces()
    return PostgresqlPlaces(request.getfixturevalue("databases"))


@pytest.fixture(name="place")
def _place(places: Places) -> Iterator[Place]:
    """An empty database of the gateway, once in a file and once on the server."""
    with places.new() as place:
        yield place


def pytest_sessionfinish() -> None:
    """The run stops the cluster it started; after Ctrl-C and SIGKILL the cluster's keeper does."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        from tests.postgres.shared import end_cluster

        end_cluster(os.getpid())
