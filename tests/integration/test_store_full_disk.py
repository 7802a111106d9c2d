"""A disk that is full, read-only or not ours: nothing is half written, and the error says so."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from store_forward.store import Store
from store_forward.store.audit.verify import verify_journal
from store_forward.store.errors import StoreError, StoreFull, StoreUnavailable
from tests.integration.small_disks import needs_small_disk
from tests.unit.store.builders import DEVICE, KEY, confirmed, entries, entry, new_store

ROOT = Path(__file__).parents[2]
NOBODY = 65534


def run_self(task: str, path: Path, *before: str) -> str:
    """Run one of the tasks below in a process of its own and return what it printed."""
    code = f"from tests.integration.test_store_full_disk import {task}; {task}({str(path)!r})"
    done = subprocess.run(
        [*before, sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def fill_until_refused(path: Path) -> tuple[int, StoreError]:
    """Append until the disk refuses; return the entries told durable and the refusal."""
    durable = 0
    with Store.open(path, KEY, device=DEVICE, create=True) as store:
        while True:
            try:
                pair = [entry(durable + 1), confirmed(durable + 2, f"o{durable}", f"s{durable}")]
                durable = store.journal.append(pair).last_seq
            except StoreError as error:
                assert store.journal.head().seq == durable
                return durable, error


def fill_small_disk(folder: str) -> None:
    """Runs in a mount namespace of its own, with 5 MB of real disk."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "outpost-test", folder], check=True)
    path = Path(folder) / "store.db"
    ballast = Path(folder) / "ballast"
    new_store(path).close()
    ballast.write_bytes(bytes(1_000_000))
    durable, error = fill_until_refused(path)
    assert isinstance(error, StoreFull), error
    assert "Free space" in str(error)
    assert durable > 0
    assert verify_journal(path, KEY).entries == durable
    ballast.unlink()
    with Store.open(path, KEY, device=DEVICE) as store:
        assert store.journal.head().seq == durable
        store.journal.append([confirmed(0, f"o{durable}", f"s{durable}")])
    assert verify_journal(path, KEY).ok
    print(f"full after {durable}")


@needs_small_disk
def test_a_full_disk_refuses_the_entry_keeps_the_others_and_goes_on_with_space(
    tmp_path: Path,
) -> None:
    assert "full after" in run_self("fill_small_disk", tmp_path, "unshare", "--mount")


def fill_limited_file(name: str) -> None:
    """Runs in a process whose files cannot grow beyond 600 kB (EFBIG)."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
    durable, error = fill_until_refused(Path(name))
    assert isinstance(error, (StoreUnavailable, StoreFull)), error
    print(durable)


def test_a_write_the_system_refuses_leaves_the_journal_whole(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    durable = int(run_self("fill_limited_file", path))
    assert durable > 0
    with Store.open(path, KEY, device=DEVICE) as store:
        assert store.journal.head().seq == durable
        assert store.journal.verify() is None
        store.journal.append([confirmed(0, f"o{durable}", f"s{durable}")])
    report = verify_journal(path, KEY)
    assert report.ok, report.render()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach but not write to."""
    folder = Path(tempfile.mkdtemp(prefix="outpost-store-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def use_read_only_folder(name: str) -> None:
    path = Path(name)
    if os.geteuid() == 0:
        os.setuid(NOBODY)
    else:
        path.parent.chmod(0o555)
    for create in (True, False):
        for target in (path, path.with_name("new.db")):
            try:
                Store.open(target, KEY, device=DEVICE, create=create).close()
            except StoreError as error:
                print(type(error).__name__, error)
            else:
                print("opened")
    report = verify_journal(path, KEY)
    print("verified", report.ok, report.entries)
    path.parent.chmod(0o755) if os.geteuid() != NOBODY else None


def test_a_read_only_folder_is_named_and_can_still_be_verified(open_folder: Path) -> None:
    path = open_folder / "store.db"
    with new_store(path) as store:
        store.journal.append(entries(5))
    path.chmod(0o644)
    mirror = path.with_name("store.db.mirror")
    mirror.chmod(0o755)
    for segment in mirror.iterdir():
        segment.chmod(0o644)
    before = path.read_bytes()
    lines = run_self("use_read_only_folder", path).splitlines()
    assert [line.split()[0] for line in lines] == [
        "StoreUnavailable",
        "StoreUnavailable",
        "StoreUnavailable",
        "StoreMissing",
        "verified",
    ]
    assert str(path) in lines[0]
    assert "writable by this user" in lines[0]
    assert lines[-1] == "verified True 5"
    assert path.read_bytes() == before
    names = sorted(file.name for file in open_folder.iterdir())
    assert names == ["store.db", "store.db.mirror"]
