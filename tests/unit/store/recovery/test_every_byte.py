"""A flipped bit anywhere in any file: found where it matters, and nothing told durable is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.store.builders import entries
from tests.unit.store.recovery.kiosk_disk import KioskDisk, cut_after, every, flip, ids

STEP = 1000


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> KioskDisk:
    """Some entries in the main file, later ones in the log alone."""
    folder = tmp_path_factory.mktemp("disk")
    cut = cut_after(folder, [[one] for one in entries(10)])
    cut.boot().close()  # everything into the main file
    return cut


@pytest.fixture(scope="module")
def full_log(tmp_path_factory: pytest.TempPathFactory) -> KioskDisk:
    return cut_after(tmp_path_factory.mktemp("log"), [[one] for one in entries(12)])


def check(disk: KioskDisk) -> None:
    with disk.boot() as store:
        assert ids(store) == disk.told
        assert store.journal.verify() is None


@pytest.mark.timeout(120)
def test_in_the_database(disk: KioskDisk, tmp_path: Path) -> None:
    for offset in every(STEP, disk.database):
        copy = disk.copy(tmp_path / "copy")
        flip(copy.database, offset)
        check(copy)


@pytest.mark.timeout(120)
def test_in_the_log(full_log: KioskDisk, tmp_path: Path) -> None:
    for offset in every(STEP, full_log.log):
        copy = full_log.copy(tmp_path / "copy")
        flip(copy.log, offset)
        check(copy)


@pytest.mark.timeout(120)
def test_cutting_the_log(full_log: KioskDisk, tmp_path: Path) -> None:
    for offset in every(STEP, full_log.log):
        copy = full_log.copy(tmp_path / "copy")
        with copy.log.open("r+b") as file:
            file.truncate(offset)
        check(copy)


@pytest.mark.timeout(120)
def test_in_the_mirror(disk: KioskDisk, tmp_path: Path) -> None:
    for number, segment in enumerate(disk.segments()):
        for offset in range(0, 6000, 97):
            if offset >= segment.stat().st_size:
                break
            copy = disk.copy(tmp_path / "copy")
            flip(copy.segments()[number], offset)
            with copy.boot() as store:
                assert ids(store) == copy.told
                assert store.recovery is not None
                assert store.recovery.damage, f"byte {offset} of {segment.name}"
