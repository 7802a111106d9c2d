"""Notices at once when a device node appears, so that a re-plugged peripheral comes back.

The ``watchdog`` package listens to inotify for the directories of the configured ports; nothing is
polled. udev removes empty directories such as /dev/serial/by-id together with the last plug, so the
directories above are watched as well, and a directory that comes back is watched again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog
from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

LEVELS_ABOVE = 2
"""Directories above a port's own that are watched too: enough for /dev, serial, by-id."""

_OF_INTEREST: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    DirCreatedEvent,
    FileMovedEvent,  # a link put in place by rename
    DirMovedEvent,
]

log = structlog.get_logger(__name__)


class _Handler(FileSystemEventHandler):
    def __init__(self, created: Callable[[str], None]) -> None:
        self._created = created

    def on_any_event(self, event: FileSystemEvent) -> None:
        moved = isinstance(event, FileMovedEvent | DirMovedEvent)
        self._created(os.fsdecode(event.dest_path if moved else event.src_path))


class PortWatch:
    """Calls ``appeared`` with a port's path, from a thread of its own, whenever it is created."""

    def __init__(self, ports: Iterable[str], appeared: Callable[[str], None]) -> None:
        self._ports = frozenset(port for port in ports if port.startswith("/"))
        self._appeared = appeared
        self._directories = frozenset(
            directory
            for port in self._ports
            for directory in list(Path(port).parents)[: 1 + LEVELS_ABOVE]
            if directory != Path("/")
        )
        self._watches: dict[Path, ObservedWatch] = {}
        self._observer: BaseObserver | None = None
        self._lock = threading.Lock()
        self._handler = _Handler(self._created)

    def start(self) -> None:
        """Begin to watch. A kernel without free inotify watches is logged and survived: the
        restart policy tries absent ports again by itself, only later."""
        self._observer = Observer()
        for directory in sorted(self._directories):
            self._watch(directory)
        self._observer.start()

    def stop(self) -> None:
        """End the watch and its threads."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(timeout=5)
            self._observer = None

    def _watch(self, directory: Path) -> None:
        observer = self._observer
        if observer is None or not directory.is_dir():
            return
        with self._lock:
            if (old := self._watches.pop(directory, None)) is not None:
                observer.unschedule(old)  # it watches the directory that is gone
            try:
                self._watches[directory] = observer.schedule(
                    self._handler,
                    str(directory),
                    event_filter=_OF_INTEREST,
                )
            except OSError as error:
                log.warning("directory not watched", directory=str(directory), error=str(error))

    def _created(self, path: str) -> None:
        if path in self._ports:
            self._appeared(path)
        directory = Path(path)
        if directory in self._directories:
            self._watch(directory)
            # What was created in it before the watch stood has raised no event.
            for inside in sorted(self._directories | {Path(port) for port in self._ports}):
                if inside.parent == directory and inside.exists():
                    self._created(str(inside))
