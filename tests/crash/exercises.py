"""Processes that change files in one certain way each, to see whether the recorder follows.

``python -m tests.crash.exercises NAME SEED FOLDER``.
"""

from __future__ import annotations

import mmap
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path


def every_way_to_write(folder: Path) -> None:
    file = os.open(folder / "a", os.O_RDWR | os.O_CREAT)
    os.write(file, b"one")
    os.writev(file, [b"two", b"three"])
    os.pwrite(file, b"T", 3)
    os.pwritev(file, [b"f", b"o"], 20)
    again = os.dup(file)
    os.write(again, b"dup")
    os.ftruncate(file, 22)
    os.posix_fallocate(file, 0, 600)
    os.fsync(file)
    with (folder / "a").open("ab") as appending:
        appending.write(b"end")
    os.truncate(folder / "a", 601)
    (folder / "b").write_text("buffered by Python")
    (folder / "b").write_text("begun anew")
    os.close(os.open("/dev/null", os.O_WRONLY))


def every_way_to_copy(folder: Path) -> None:
    (folder / "a").write_bytes(bytes(range(256)) * 30)
    shutil.copyfile(folder / "a", folder / "b")
    shutil.copy2(folder / "a", folder / "c")
    with (folder / "a").open("rb") as source, (folder / "d").open("wb") as target:
        os.copy_file_range(source.fileno(), target.fileno(), 5000, 100, 50)


def every_way_to_name(folder: Path) -> None:
    (folder / "a").write_text("a")
    (folder / "b").write_text("b")
    (folder / "a").rename(folder / "c")
    (folder / "c").replace(folder / "b")
    os.link(folder / "b", folder / "d")
    (folder / "b").unlink()
    (folder / "below").mkdir()
    (folder / "below" / "e").write_text("e")
    (folder / "d").rename(folder / "below" / "d")
    (folder / "below").rename(folder / "beneath")
    (folder / "empty").mkdir()
    (folder / "empty").rmdir()
    os.chdir(folder / "beneath")
    Path("relative").write_text("relative")
    shutil.rmtree(folder / "from-before")


def many_threads(folder: Path) -> None:
    def write(name: str) -> None:
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT)
        for number in range(200):
            os.pwrite(file, bytes([number]) * 100, number * 50)
            if number % 50 == 0:
                os.fdatasync(file)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def a_shared_mapping(folder: Path) -> None:
    (folder / "a").write_bytes(bytes(4096))
    with (folder / "a").open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapping:
        mapping[0] = 1


EXERCISES: dict[str, Callable[[Path], None]] = {
    "write": every_way_to_write,
    "copy": every_way_to_copy,
    "name": every_way_to_name,
    "threads": many_threads,
    "mapping": a_shared_mapping,
}

if __name__ == "__main__":
    EXERCISES[sys.argv[1]](Path(sys.argv[3]))
