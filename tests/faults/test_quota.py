"""A quota that is used up: SQLite calls it an error of the disk, core finds out what it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from firmware.core.ports import JournalRefused
from firmware.core.store_journal import StoreJournal
from store_forward.store.room import Ballast, Lack, lack_beside
from tests.faults.campaign import ROOT
from tests.faults.injector import TROUBLES, Injector, environment
from tests.faults.places import boot
from tests.unit.store.builders import entry


def meet_a_quota(folder: Path) -> None:
    """Runs in a process in which calls can be made to fail."""
    injector = Injector()
    with boot(folder) as store:
        ballast = Ballast(store.path, 100_000)
        assert ballast.hold()
        journal = StoreJournal(store, ballast)
        journal.append([entry(1)])
        with injector.refusing(folder, TROUBLES["quota"], nth=1):
            assert lack_beside(store.path, 1) is Lack.QUOTA
            with pytest.raises(JournalRefused):
                journal.append([entry(2)])
            with pytest.raises(JournalRefused):
                journal.look_anew()
            assert ballast.held_bytes() == 0
        journal.look_anew()
        journal.append([entry(3)])
        assert [one.id for one in journal.recent()] == [entry(1).id, entry(3).id]


def test_after_a_quota_core_gives_the_ballast_up_and_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    code = (
        "import sys, pathlib, tests.faults.test_quota as t;"
        "t.meet_a_quota(pathlib.Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Lack.QUOTA in done.stderr + done.stdout
