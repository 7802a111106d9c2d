"""A changed byte in a journal's files: the audit names it, core's start mends it and says so."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from store_forward.store.store import Role, Store
from tests.fakes.command_line import outpost
from tests.fakes.kiosk_in_sync import KEY
from tests.integration.damage.scene import (
    ENTRIES,
    STEP_BYTES,
    Machine,
    Scene,
    flipped,
    offsets,
    unchanged,
)
from tests.integration.sync.books import DEVICE

PAGE_BYTES = 4096
FRAME_BYTES = 24 + PAGE_BYTES
LOG_HEADER_BYTES = 32
"""https://www.sqlite.org/fileformat2.html, section 4."""

CORE_STEP_BYTES = 4 * STEP_BYTES
"""Of database and log, at core's start: a byte in each page. Recovery itself, without the process,
is tried at every 1,000th (tests/unit/store/recovery/test_every_byte.py)."""

ROOM_STEP_BYTES = 100_000
"""In the zeros behind the last record of a segment, all of which mean the same."""

STORE_FILES = ("store.db", "store.db-wal")

pytestmark = pytest.mark.timeout(240)


def segments(machine: Machine) -> list[Path]:
    return sorted((machine.state / "store.db.mirror").glob("*.segment"))


def spots(path: Path) -> Iterator[int]:
    """Every 1,000th byte; fewer in the room that a segment was given in advance."""
    end = len(path.read_bytes().rstrip(b"\0"))
    yield from (at for at in offsets(path) if at < end)
    yield from range(end + STEP_BYTES, path.stat().st_size, ROOM_STEP_BYTES)


def audit(machine: Machine) -> tuple[str | Path, ...]:
    return ("verify-journal", machine.store, "--key", machine.key("store.key"))


def frames_in(log: bytes) -> Iterator[tuple[int, bytes]]:
    """Number (from 1) and content of each page that a log without damage holds."""
    for start in range(LOG_HEADER_BYTES, len(log) - FRAME_BYTES + 1, FRAME_BYTES):
        yield struct.unpack_from(">I", log, start)[0], log[start + 24 : start + FRAME_BYTES]


def with_its_log(database: bytes, log: bytes) -> bytes:
    """A database after SQLite has moved the log into it."""
    pages = bytearray(database)
    for number, page in frames_in(log):
        pages[(number - 1) * PAGE_BYTES : number * PAGE_BYTES] = page
    return bytes(pages)


def entries_on(machine: Machine) -> list[str]:
    with Store.open(machine.store, KEY, device=DEVICE, role=Role.GUEST) as store:
        assert store.journal.verify() is None
        return [row.entry().id for row in store.journal.read(0, 1000)]


@pytest.fixture(name="told", scope="module")
def _told(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Ids of all that was told recorded before the power cut."""
    copy = Machine(tmp_path_factory.mktemp("told") / "cut")
    shutil.copytree(scene.cut.folder, copy.folder)
    return entries_on(copy)


def test_a_journal_without_damage_passes_the_audit(scene: Scene) -> None:
    ended = scene.outpost(*audit(scene.cut))
    assert ended.code == 0, ended


@pytest.mark.parametrize("name", [*STORE_FILES, "older segment", "newest segment"])
def test_the_audit_names_the_file_and_changes_nothing(scene: Scene, name: str) -> None:
    machine = scene.cut
    target = find(machine, name)
    for at in spots(target):
        with flipped(target, at), unchanged(scene):
            ended = scene.outpost(*audit(machine))
        said = f"byte {at}: {ended}"
        assert ended.code == 1, said
        assert "Traceback" not in ended.err, said
        assert target.name in ended.out, said
        assert "what to do" in ended.out, said


def find(machine: Machine, name: str) -> Path:
    match name:
        case "older segment":
            return segments(machine)[0]
        case "newest segment":
            return segments(machine)[-1]
        case _:
            return machine.state / name


def damaged_copy(scene: Scene, source: Path, at: int, to: Path) -> tuple[Machine, Path]:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(scene.cut.folder, to)
    target = to / source.relative_to(scene.cut.folder)
    with target.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    return Machine(to), target


def starts(scene: Scene, machine: Machine, at: int, *, mending: bool) -> None:
    ended = scene.outpost("core", "--deployment", machine.deployment)
    said = f"byte {at}: {ended}"
    assert ended.code == 0, said
    assert "Traceback" not in ended.err, said
    assert ("journal mended" in ended.err) == mending, said


def test_core_sets_a_damaged_database_aside_and_has_all_that_the_gateway_has_not(
    scene: Scene, told: list[str], tmp_path: Path
) -> None:
    source = scene.cut.store
    log = source.with_name("store.db-wal").read_bytes()
    newer = {number for number, _ in frames_in(log)}
    for at in range(0, source.stat().st_size, CORE_STEP_BYTES):
        machine, target = damaged_copy(scene, source, at, tmp_path / "machine")
        before = target.read_bytes()
        # A page that the log holds a newer copy of is never read again, and soon written over.
        is_read = at // PAGE_BYTES + 1 not in newer
        starts(scene, machine, at, mending=is_read)
        on_disk = entries_on(machine)
        if not is_read:
            assert on_disk[: len(told)] == told, at
            continue
        # What was acknowledged may be at the gateway alone by now, but for the newest of it.
        kept = on_disk.index(told[ENTRIES])
        assert on_disk[: kept + len(told) - ENTRIES] == told[ENTRIES - kept :], at
        (aside,) = machine.state.glob("store.db.quarantined-*Z")
        # Where a page was met before all was read, SQLite has moved the log into the file.
        assert aside.read_bytes() in (before, with_its_log(before, log)), at


def test_core_takes_from_the_mirror_what_a_damaged_log_held(
    scene: Scene, told: list[str], tmp_path: Path
) -> None:
    source = scene.cut.store.with_name("store.db-wal")
    for at in range(0, source.stat().st_size, CORE_STEP_BYTES):
        machine, _ = damaged_copy(scene, source, at, tmp_path / "machine")
        starts(scene, machine, at, mending=True)
        assert entries_on(machine)[: len(told)] == told, at


def test_core_writes_a_damaged_end_of_the_mirror_anew_and_keeps_it(
    scene: Scene, told: list[str], tmp_path: Path
) -> None:
    source = segments(scene.cut)[-1]
    end = len(source.read_bytes().rstrip(b"\0"))
    for at in spots(source):
        machine, target = damaged_copy(scene, source, at, tmp_path / "machine")
        before = target.read_bytes()
        # Behind the last record there is room and nothing in it: it is cut off at each start.
        is_record = at < end
        starts(scene, machine, at, mending=is_record)
        assert entries_on(machine)[: len(told)] == told, at
        kept = [one.read_bytes() for one in target.parent.glob("*.quarantined-*")]
        assert kept == ([before] if is_record else []), at


def test_an_older_segment_is_not_read_while_the_database_is_whole_and_waits_for_the_audit(
    scene: Scene, told: list[str], tmp_path: Path
) -> None:
    source = segments(scene.cut)[0]
    for at in spots(source):
        machine, target = damaged_copy(scene, source, at, tmp_path / "machine")
        before = target.read_bytes()
        starts(scene, machine, at, mending=False)
        assert entries_on(machine)[: len(told)] == told, at
        assert target.read_bytes() == before, at


def test_the_same_by_a_process_of_its_own(scene: Scene) -> None:
    with flipped(scene.cut.store, 50_000), unchanged(scene):
        ended = outpost(*audit(scene.cut))
    assert ended.code == 1
    assert str(scene.cut.store) in ended.out
    assert ended.err == ""
