"""The damages are what their names say: a judge is worth nothing if nothing was harmed."""

from __future__ import annotations

import random

import pytest

from tests.crash.blow import Blow
from tests.crash.damage import DAMAGES, damaged_state, damaged_states
from tests.crash.recording import Files, Recording
from tests.crash.trial import judged, recorded, scratch

SEGMENTS = [f"store.db.mirror/{number:012d}.segment" for number in (1, 2)]

NOW: Files = {
    "store.db": bytes(range(256)) * 64,
    "store.db-wal": bytes(range(255, -1, -1)) * 64,
    "store.db.mirror": None,
    SEGMENTS[0]: b"1" * 9000,
    SEGMENTS[1]: b"2" * 9000 + bytes(90000),
}
BEFORE: Files = {
    "store.db": bytes(8192),
    "store.db-wal": b"older" * 1000,
    "store.db.mirror": None,
    SEGMENTS[0]: b"0" * 9000,
}


def touched(name: str) -> set[str]:
    damage, _ = DAMAGES[name]
    after = damage(NOW, BEFORE, random.Random(name))
    return {path for path in NOW.keys() | after.keys() if NOW.get(path, 0) != after.get(path, 0)}


@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_each_damage_harms_what_it_names_and_nothing_else(name: str) -> None:
    of = {"log": {"store.db-wal"}, "main": {"store.db"}, "database": {"store.db", "store.db-wal"}}
    of["mirror"] = {"store.db.mirror", *SEGMENTS}
    named = set().union(*(files for part, files in of.items() if part in name.split("-")))
    assert touched(name)
    assert touched(name) <= named
    assert (DAMAGES[name][1] is Blow.DAMAGE_TO_ALL) == (
        "mirror" in name.split("-") and bool(named - of["mirror"])
    )


@pytest.fixture(name="recording", scope="module")
def _recording() -> Recording:
    return recorded("damage", 3)


def test_a_damaged_state_is_found_again_by_its_name(recording: Recording) -> None:
    for state in damaged_states(recording, tuple(DAMAGES), 2 * len(DAMAGES), seed=9):
        assert damaged_state(recording, state.name.split("/")[-1]) == state


def test_a_loss_that_nobody_can_mend_is_seen(recording: Recording) -> None:
    """Both copies gone: the kiosk starts as a new one, and the judge says so."""
    [state] = damaged_states(recording, ["database-gone"], 1, seed=1)
    for path in [path for path in state.files if path.startswith("store.db.mirror/")]:
        del state.files[path]
    with scratch() as folder:
        assert judged(state, folder / "disk").harm is not None
