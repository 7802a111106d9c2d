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

from firmware.messages.intents import Confirm, GoHome, Wake
from firmware.messages.views import (
    AttractView,
    DoneView,
    OutOfServiceView,
    PayView,
    Reason,
    SlipState,
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

    def fill_wholly(self) -> None:
        """Take all room, that of core's ballast too."""

    def give_back(self) -> None:
        """There is room again."""


class SmallDisk:
    """A mounted file system of ``ROOM_MB``."""

    def __init__(self, folder: Path) -> None:
        size = f"size={ROOM_MB}m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "outpost-test", folder], check=True)
        self._folder = folder
        self._hog = folder / "hog"

    def fill(self, leave_mb: int = 0) -> None:
        free = shutil.disk_usage(self._folder).free
        with self._hog.open("wb") as hog:
            os.posix_fallocate(hog.fileno(), 0, free - leave_mb * 1_000_000)

    def fill_wholly(self) -> None:
        (self._folder / "store.db.ballast").unlink()
        self.fill()

    def give_back(self) -> None:
        self._hog.unlink()


class LimitedFiles:
    """A process whose files cannot grow: every write that needs room fails (EFBIG)."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def fill(self, leave_mb: int = 0) -> None:
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    def fill_wholly(self) -> None:
        self.fill()

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
    disk.fill_wholly()
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


async def a_session_under_way_is_finished(bench: Bench, disk: Disk) -> None:
    """Somebody else fills the disk to the last byte while a patient pays."""
    ballast = bench.store_path.with_name("store.db.ballast")
    await bench.pay_view()
    bench.server.insert(10)
    await bench.screen.until(PayView, collected_fen=1000)
    assert ballast.exists()
    disk.fill()
    bench.server.insert(20)
    await bench.screen.until(DoneView, paid_fen=3000, slip=SlipState.PRINTED)
    assert not ballast.exists()
    bench.screen.touch(GoHome())
    await bench.register_tile(Reason.STORE_FULL)
    disk.give_back()
    await bench.register_tile(Reason.NONE)
    await bench.until(ballast.exists)
    credited = [fact.amount_fen for fact in recorded(bench) if isinstance(fact, NoteCredited)]
    assert credited == bench.server.devices.cassette == [1000, 2000]


async def core_starts_on_a_full_disk(bench: Bench, disk: Disk) -> None:
    """Core is killed with a patient's money inside, and then not one byte is left for its start."""
    await bench.pay_view()
    bench.server.insert(10)
    await bench.screen.until(PayView, collected_fen=1000)
    await bench.kill_core()
    assert not bench.store_path.with_name("store.db-shm").exists()
    disk.fill()
    await bench.start_core()
    await bench.screen.until(PayView, collected_fen=1000)
    await bench.until(lambda: bench.server.devices.is_accepting)
    bench.server.insert(20)
    await bench.screen.until(DoneView, paid_fen=3000, slip=SlipState.PRINTED)
    bench.screen.touch(GoHome())
    await bench.register_tile(Reason.STORE_FULL)
    credited = [fact.amount_fen for fact in recorded(bench) if isinstance(fact, NoteCredited)]
    assert credited == bench.server.devices.cassette == [1000, 2000]


async def nothing_is_offered(bench: Bench, disk: Disk) -> None:
    bench.screen.touch(Wake())
    await bench.register_tile(Reason.NONE)
    disk.fill(leave_mb=32)
    await bench.register_tile(Reason.STORE_FULL)
    disk.give_back()
    await bench.register_tile(Reason.NONE)


STORIES: dict[str, Callable[[Bench, Disk], Awaitable[None]]] = {
    "confirming is refused": confirming_is_refused,
    "a note is given back": a_note_is_given_back,
    "a session under way is finished": a_session_under_way_is_finished,
    "core starts on a full disk": core_starts_on_a_full_disk,
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
