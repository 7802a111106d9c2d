"""A core that shows what a test tells it to and remembers every touch, over the real socket."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from pathlib import Path

import msgspec

from firmware.messages.intents import Touch
from firmware.messages.views import Screen


class FakeCore:
    """Listens on a Unix socket; a new ui gets the current screen at once, as from core."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.touches: queue.Queue[Touch] = queue.Queue()
        self._screen: Screen | None = None
        self._connection: socket.socket | None = None
        self._connected = threading.Event()
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def start(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self._listener.bind(str(self.path))
        self._listener.listen(1)
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        """Die: the listening socket and the connection are gone."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def show(self, screen: Screen) -> None:
        """Send a screen, now if the ui is there, else as soon as it comes."""
        with self._lock:
            self._screen = screen
            if self._connection is not None:
                self._connection.sendall(msgspec.json.encode(screen) + b"\n")

    def say(self, line: bytes) -> None:
        """Send raw bytes."""
        with self._lock:
            assert self._connection is not None
            self._connection.sendall(line)

    def hang_up(self) -> None:
        """Close the connection; the ui may come again."""
        with self._lock:
            if self._connection is not None:
                with contextlib.suppress(OSError):
                    self._connection.shutdown(socket.SHUT_RDWR)
                self._connection.close()
                self._connection = None
            self._connected.clear()

    def wait_connected(self, seconds: float = 10.0) -> bool:
        return self._connected.wait(seconds)

    def next_touch(self, seconds: float = 10.0) -> Touch:
        """The next touch; raises queue.Empty if none comes."""
        return self.touches.get(timeout=seconds)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.hang_up()  # a second ui replaces the first
            with self._lock:
                self._connection = connection
                if self._screen is not None:
                    connection.sendall(msgspec.json.encode(self._screen) + b"\n")
            self._connected.set()
            self._read(connection)

    def _read(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection.makefile("rb") as lines:
            for line in lines:
                self.touches.put(msgspec.json.decode(line, type=Touch))
