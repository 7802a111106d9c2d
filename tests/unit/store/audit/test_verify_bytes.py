"""Whatever byte of a journal's files is changed, the audit ends in words and names the place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from store_forward.store import Store
from store_forward.store.audit.verify import JournalReport, verify_journal
from store_forward.store.errors import WrongKey
from tests.unit.store.builders import (
    DEVICE,
    KEY,
    OTHER_KEY,
    accepted,
    entries,
    entry,
    new_store,
    receipt,
)


@pytest.fixture(name="live", scope="module")
def _live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a running kiosk: a main file, a log with newer pages, a mirror."""
    running = tmp_path_factory.mktemp("running")
    copy = tmp_path_factory.mktemp("copy")
    with new_store(running / "store.db") as store:
        store.journal.append(entries(20))
        store.outbox.record_answer(receipt(store, 1, 10), accepted(1, 10))
    with Store.open(running / "store.db", KEY, device=DEVICE) as store:
        for number in range(21, 31):
            store.journal.append([entry(number)])
        shutil.copytree(running, copy, dirs_exist_ok=True)
    (copy / "store.db-shm").unlink()
    return copy


@pytest.fixture(name="files")
def _files(live: Path, tmp_path: Path) -> Path:
    shutil.copytree(live, tmp_path / "files")
    return tmp_path / "files" / "store.db"


def audit(path: Path) -> JournalReport:
    report = verify_journal(path, KEY)
    assert report.render()
    return report


def spoil(target: Path, at: int) -> Iterator[None]:
    """One changed byte, for a moment."""
    whole = target.read_bytes()
    target.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
    yield
    target.write_bytes(whole)


def is_named(report: JournalReport, target: Path, at: int) -> bool:
    return any(
        place.path == target and place.offset <= at < place.offset + place.length
        for place in report.places
    )


def test_the_files_of_a_running_kiosk_are_in_order(files: Path) -> None:
    report = audit(files)
    assert report.ok, report.problems
    assert (report.head_seq, report.mirror_segments) == (30, 2)


def test_each_flipped_byte_of_the_database_is_named(files: Path) -> None:
    for at in [*range(0, files.stat().st_size, 4000), 5, 20]:
        for _ in spoil(files, at):
            report = audit(files)
            assert not report.ok
            assert is_named(report, files, at), (at, report.problems)


def test_each_flipped_byte_of_the_log_is_named(files: Path) -> None:
    log = files.with_name("store.db-wal")
    for at in [*range(0, log.stat().st_size, 4000), *range(32, 56, 4)]:
        for _ in spoil(log, at):
            report = audit(files)
            assert not report.ok
            assert is_named(report, log, at), (at, report.problems)


def test_each_flipped_byte_of_the_mirror_is_named(files: Path) -> None:
    for target in sorted(files.with_name("store.db.mirror").glob("*.segment")):
        for at in [*range(0, target.stat().st_size, 1000), *range(0, 80, 8)][:120]:
            for _ in spoil(target, at):
                report = audit(files)
                assert not report.ok
                assert is_named(report, target, at) or "under another name" in report.render()


def test_a_log_that_is_cut_or_gone_is_told_by_what_the_mirror_holds(files: Path) -> None:
    log = files.with_name("store.db-wal")
    log.write_bytes(log.read_bytes()[: 32 + 3 * 4120])
    report = audit(files)
    assert report.first_bad is not None
    assert any("to 30 are in the mirror only" in one for one in report.problems)
    log.unlink()
    assert any("entries 21 to 30 are in the mirror only" in one for one in audit(files).problems)


def test_a_write_that_a_power_cut_ended_is_no_damage(files: Path) -> None:
    log = files.with_name("store.db-wal")
    whole = log.read_bytes()
    log.write_bytes(whole + whole[-4120:-4000] + bytes(500))
    assert audit(files).ok
    log.write_bytes(whole + whole[-4120:-4000] + bytes(4000))
    assert audit(files).ok


def test_a_mirror_that_lost_a_segment_is_told(files: Path) -> None:
    newest = max(files.with_name("store.db.mirror").glob("*.segment"))
    newest.unlink()
    report = audit(files)
    assert any("entries 21 to 30 are not in the mirror" in one for one in report.problems)


def test_a_cut_off_or_empty_file_is_a_finding(files: Path) -> None:
    whole = files.read_bytes()
    files.with_name("store.db-wal").unlink()
    for length in (0, 100, 4096, 5000, len(whole) // 2, len(whole) - 1):
        files.write_bytes(whole[:length])
        assert not audit(files).ok


def test_another_key_is_not_taken_for_damage(files: Path) -> None:
    with pytest.raises(WrongKey):
        verify_journal(files, OTHER_KEY)
