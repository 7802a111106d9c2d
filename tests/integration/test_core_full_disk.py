"""Core on a disk that fills up: the patient is refused in time and nothing is half recorded.

Once on a small file system of its own, where this machine may mount one, and once with a limit on
the size of core's files, which the system enforces everywhere.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import pytest

from firmware.messages.intents import Confirm, Wake
from firmware.messages.views import (
    AttractView,
    DoneView,
    HomeView,
    OutOfServiceView,
    PayView,
    Reason,
    TileState,
)
from store_forward.contract.facts import Fact, KioskStarted, NoteCredited, NoteGivenBack
from tests.fakes.core_bench import Bench, on_bench, on_process
from tests.integration.small_disks import needs_small_disk

ROOT = Path(__file__).parents[2]

ROOM_MB = 100
"""Of the small disk: more than the 64 MB that a kiosk keeps in reserve (limits.reserve_disk_mb)."""


class Disk(Protocol):
    """Something that can run out."""

    def fill(self, leave_mb: int = 0) -> None:
        """Take all room, or all but this much."""

    def give_back(self) -> None:
        """There is room again."""


class SmallDisk:
    """A mounted file system of ``ROOM_MB``."""

    def __init__(self, folder: Path) -> None:
        size = f"size={ROOM_MB}m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "outpost-test", folder], check=True)
        self._ballast = folder / "ballast"

    def fill(self, leave_mb: int = 0) -> None:
        free = shutil.disk_usage(self._ballast.parent).free
        with self._ballast.open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, free - leave_mb * 1_000_000)

    def give_back(self) -> None:
        self._ballast.unlink()


class LimitedFiles:
    """A process whose files cannot grow: every write that needs room fails (EFBIG)."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def fill(self, leave_mb: int = 0) -> None:
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    def give_back(self) -> None:
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, unlimited)


# --- the stories ---------------------------------------------------------------------------------


def recorded(bench: Bench) -> list[Fact]:
    """What the journal holds of patients; its chain must be whole."""
    with bench.open_store() as store:
        assert store.journal.verify() is None
        facts = [row.entry().fact for row in store.journal.read()]
    return [fact for fact in facts if not isinstance(fact, KioskStarted)]


async def confirming_is_refused(bench: Bench, disk: Disk) -> None:
    await bench.confirm_view()
    disk.fill()
    bench.screen.touch(Confirm())
    refused = await bench.screen.until(OutOfServiceView)
    assert (refused.reason, refused.code) == (Reason.STORE_FAILED, "STORE-1")
    assert not bench.server.devices.is_accepting
    disk.give_back()
    bench.server.devices.lift_card()
    bench.server.flush()
    await bench.screen.until(AttractView)
    assert recorded(bench) == []


async def a_note_is_given_back(bench: Bench, disk: Disk) -> None:
    await bench.pay_view()
    bench.server.insert(10)
    await bench.screen.until(PayView, collected_fen=1000)
    disk.fill()
    bench.server.insert(20)
    await bench.screen.until(OutOfServiceView)
    await bench.until(lambda: bench.server.devices.given_back == [2000])
    disk.give_back()
    await bench.screen.until(PayView, collected_fen=1000)
    await bench.until(lambda: bench.server.devices.is_accepting)
    bench.server.insert(50)
    await bench.screen.until(DoneView, paid_fen=6000)
    facts = recorded(bench)
    credited = [fact.amount_fen for fact in facts if isinstance(fact, NoteCredited)]
    returned = [fact.amount_fen for fact in facts if isinstance(fact, NoteGivenBack)]
    assert (credited, returned) == (bench.server.devices.cassette, [2000])
    assert credited == [1000, 5000]


async def nothing_is_offered(bench: Bench, disk: Disk) -> None:
    disk.fill(leave_mb=32)
    bench.sync_pulls(online=False)
    bench.screen.touch(Wake())
    while (home := await bench.screen.until(HomeView)).tiles[0].reason is not Reason.STORE_FULL:
        await bench.screen.next()
    assert home.tiles[0].state is TileState.UNAVAILABLE


STORIES: dict[str, Callable[[Bench, Disk], Awaitable[None]]] = {
    "confirming is refused": confirming_is_refused,
    "a note is given back": a_note_is_given_back,
    "nothing is offered": nothing_is_offered,
}


# --- on a small disk -----------------------------------------------------------------------------


def play_on_small_disk(folder: Path, name: str) -> None:
    """Runs in a mount namespace of its own, so that the disk goes with the process."""
    disk = SmallDisk(folder)
    on_bench(folder, lambda bench: STORIES[name](bench, disk))


@needs_small_disk
@pytest.mark.parametrize("name", STORIES)
def test_on_a_full_disk(tmp_path: Path, name: str) -> None:
    code = (
        "import sys, pathlib, tests.integration.test_core_full_disk as t;"
        "t.play_on_small_disk(pathlib.Path(sys.argv[1]), sys.argv[2])"
    )
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", code, tmp_path, name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# --- with files that cannot grow -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["confirming is refused", "a note is given back"])
def test_when_files_cannot_grow(tmp_path: Path, name: str) -> None:
    on_process(tmp_path, lambda bench, process: STORIES[name](bench, LimitedFiles(process)))
