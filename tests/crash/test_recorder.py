"""The recorder sees everything: replayed, its log gives the same files, byte for byte."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.crash.exercises import EXERCISES
from tests.crash.operations import Kind, parse
from tests.crash.recording import Recording, WorkloadFailed, files_in, record
from tests.crash.replayer import final_state
from tests.crash.trial import whole


def exercised(name: str, folder: Path, more: Mapping[str, str] | None = None) -> Recording:
    (folder / "from-before").mkdir()
    (folder / "from-before" / "f").write_text("f")
    return record(name, 0, folder, module="tests.crash.exercises", more=more)


@pytest.mark.parametrize("name", sorted(EXERCISES.keys() - {"mapping"}))
def test_nothing_a_process_does_to_a_file_escapes(name: str, tmp_path: Path) -> None:
    recording = exercised(name, tmp_path)
    assert final_state(recording) == files_in(tmp_path)


def test_what_could_change_a_file_unseen_stops_the_recording(tmp_path: Path) -> None:
    with pytest.raises(WorkloadFailed, match="a shared writable mapping"):
        exercised("mapping", tmp_path)


def test_a_recording_that_misses_a_byte_is_not_used(tmp_path: Path) -> None:
    """Each workload is compared so when it is recorded, before a state of it is judged."""
    recording = exercised("write", tmp_path)
    assert whole(recording, tmp_path) is recording
    with (tmp_path / "a").open("ab") as unseen:
        unseen.write(b".")
    with pytest.raises(WorkloadFailed, match="not give the files"):
        whole(recording, tmp_path)


def test_fsyncs_are_recorded(tmp_path: Path) -> None:
    kinds = [operation.kind for operation in exercised("write", tmp_path).operations]
    assert kinds.count(Kind.SYNC_END) == kinds.count(Kind.SYNC_BEGIN) == 1


def test_a_workload_that_ends_in_an_error_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(WorkloadFailed, match="KeyError: 'nonsense'"):
        exercised("nonsense", tmp_path)


def failing(failure: str, folder: Path) -> Recording:
    return exercised("write", folder, {"OUTPOST_RECORD_FAIL": failure})


def test_a_write_can_be_made_to_fail_and_is_not_recorded(tmp_path: Path) -> None:
    with pytest.raises(WorkloadFailed, match="No space left on device"):
        failing(f"write:a:{errno.ENOSPC}:3", tmp_path)
    assert (tmp_path / "a").read_bytes() == b"onetwothree"


def test_a_process_can_be_killed_at_any_record(tmp_path: Path) -> None:
    with pytest.raises(WorkloadFailed, match="ended with -9"):
        exercised("write", tmp_path, {"OUTPOST_RECORD_KILL": "3"})
    assert (tmp_path / "a").read_bytes() == b"onetwothree"


def test_a_recording_is_kept_and_read_again(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    recording = exercised("name", tmp_path / "work")
    recording.save(tmp_path / "kept")
    assert Recording.load(tmp_path / "kept") == recording


def test_a_log_that_was_cut_off_is_not_taken_for_whole() -> None:
    with pytest.raises(ValueError, match="mid record"):
        list(parse(b"\x40\x00\x00\x00\x01"))
