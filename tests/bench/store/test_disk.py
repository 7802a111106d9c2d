"""Whether a folder is on a disk."""

from __future__ import annotations

from pathlib import Path

from tests.bench.store.disk import complaint_about, file_system

MOUNTS = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/sdb /tmp/my\\040disk xfs rw 0 0\n"


def test_the_nearest_mount_tells() -> None:
    assert file_system(Path("/home/kiosk"), MOUNTS) == "ext4"
    assert file_system(Path("/tmp/bench"), MOUNTS) == "tmpfs"
    assert file_system(Path("/tmp/my disk/bench"), MOUNTS) == "xfs"


def test_memory_is_no_disk(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert "--dir" in complaint_about(Path("/tmp/bench"), mounts)
    assert complaint_about(Path("/home"), mounts) == ""
