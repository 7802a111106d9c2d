"""The watch over the directories of the ports, with real inotify."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware.supervisor.port_watch import PortWatch

NOTICED_WITHIN_SECONDS = 10.0


@contextmanager
def watching(*ports: Path) -> Iterator[queue.Queue[str]]:
    appeared: queue.Queue[str] = queue.Queue()
    watch = PortWatch([str(port) for port in ports], appeared.put)
    watch.start()
    try:
        yield appeared
    finally:
        watch.stop()


def test_a_link_that_is_made_is_noticed_each_time(tmp_path: Path) -> None:
    port = tmp_path / "cash1"
    with watching(port) as appeared:
        for _ in range(2):
            port.symlink_to("/dev/null")
            assert appeared.get(timeout=NOTICED_WITHIN_SECONDS) == str(port)
            port.unlink()


def test_a_link_that_is_moved_into_place_is_noticed(tmp_path: Path) -> None:
    port = tmp_path / "cash1"
    with watching(port) as appeared:
        (tmp_path / "new").symlink_to("/dev/null")
        (tmp_path / "new").rename(port)
        assert appeared.get(timeout=NOTICED_WITHIN_SECONDS) == str(port)


def test_other_files_are_nobodys_business(tmp_path: Path) -> None:
    port = tmp_path / "cash1"
    with watching(port) as appeared:
        (tmp_path / "other").touch()
        port.touch()
        assert appeared.get(timeout=NOTICED_WITHIN_SECONDS) == str(port)
        with pytest.raises(queue.Empty):
            appeared.get_nowait()


def test_a_directory_that_comes_later_or_comes_back_is_watched(tmp_path: Path) -> None:
    port = tmp_path / "serial" / "by-id" / "cash1"
    with watching(port) as appeared:
        for _ in range(2):
            port.parent.mkdir(parents=True)
            port.symlink_to("/dev/null")
            assert appeared.get(timeout=NOTICED_WITHIN_SECONDS) == str(port)
            port.unlink()
            port.parent.rmdir()
            port.parent.parent.rmdir()


def test_ports_that_are_no_paths_are_left_alone() -> None:
    watch = PortWatch(["tcp:127.0.0.1:5000"], lambda _port: None)
    watch.start()
    watch.stop()
