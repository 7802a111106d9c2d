"""``outpost outbox`` as staff use it: on a kiosk's own files, while it may be running."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.demo.workspace import KIOSK_ID, Workspace, prepare
from store_forward.contract.facts import KioskStarted, NoteCredited
from store_forward.store.keys import load_key
from store_forward.store.store import Store
from tests.fakes.command_line import outpost
from tests.fakes.journal_of import entry_of


@pytest.fixture(name="space")
def _space(tmp_path: Path) -> Workspace:
    """A kiosk with a start and a note in its journal."""
    space = prepare(tmp_path / "kiosk", width_px=1080, height_px=1920)
    with open_store(space, create=True) as store:
        store.journal.append(
            [entry_of(KioskStarted("test")), entry_of(NoteCredited("o-1", "n-1", 1000))]
        )
    return space


def open_store(space: Workspace, *, create: bool = False) -> Store:
    key = load_key(space.keys / "store.key")
    return Store.open(space.state / "store.db", key, device=KIOSK_ID, create=create)


def test_a_queue_that_only_waits_needs_nobody(space: Workspace) -> None:
    ended = outpost("outbox", "status", "--deployment", space.deployment)
    assert (ended.code, ended.err) == (0, "")
    assert "waiting     2" in ended.out
    assert "1 about money, 1 others, 0 held back" in ended.out
    assert "what to do  nothing" in ended.out


def test_a_parked_entry_is_shown_while_core_has_the_store_open(space: Workspace) -> None:
    with open_store(space) as store:
        store.outbox.park(2, "http_400")
        status = outpost("outbox", "status", "--deployment", space.deployment)
        listed = outpost("outbox", "list", "--deployment", space.deployment)
    assert (status.code, listed.code) == (1, 1)
    assert "parked      1" in status.out
    assert "http_400" in listed.out
    assert f"parked:{store.identity.incarnation}:2" in listed.out


def test_without_a_store_it_says_so_in_one_line(space: Workspace) -> None:
    for file in space.state.glob("store.db*"):
        if file.is_file():
            file.unlink()
    ended = outpost("outbox", "list", "--deployment", space.deployment)
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert "store.db" in line


def test_its_help_teaches() -> None:
    assert "status" in outpost("outbox", "--help").out
    assert "--deployment" in outpost("outbox", "status", "--help").out
