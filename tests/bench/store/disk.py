"""Whether a folder is on a disk at all."""

from __future__ import annotations

from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
IN_MEMORY = frozenset({"tmpfs", "ramfs"})


def complaint_about(folder: Path, mounts: Path = MOUNTS) -> str:
    """What makes figures taken in this folder worthless; empty where nothing is known to."""
    kind = file_system(folder, mounts.read_text())
    if kind in IN_MEMORY:
        return f"{folder} is in memory ({kind}), not on a disk: name a disk with --dir"
    return ""


def file_system(folder: Path, mounts: str) -> str:
    """The kind of the file system that holds the folder, as /proc/self/mounts tells; else ""."""
    inside = folder.resolve()
    found: tuple[int, str] = (-1, "")
    for line in mounts.splitlines():
        # Fields of fstab(5); blanks in a path stand as \\040.
        _, point, kind, *_ = line.split()
        where = Path(point.replace("\\040", " "))
        if (where == inside or where in inside.parents) and len(where.parts) >= found[0]:
            found = (len(where.parts), kind)
    return found[1]
