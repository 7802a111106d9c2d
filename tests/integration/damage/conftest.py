"""One scene for all of these tests: each leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.forking_outpost import forking_outpost
from tests.integration.damage.scene import Scene, build


@pytest.fixture(scope="session", name="scene")
def _scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with forking_outpost() as outpost:
        yield build(tmp_path_factory.mktemp("damage") / "scene", outpost)
