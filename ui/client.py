"""The line to core: screens in, touches out, over a Unix socket; reconnects for ever.

A thread of its own blocks on the socket and hands every ``Screen`` over; nothing polls. While
core is away the thread says so once, and the screen asks for patience.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import msgspec

from firmware.messages.intents import Touch
from firmware.messages.views import Screen

LONGEST_LINE = 1024 * 1024
RETRY_SECONDS = 0.25
PATIENCE_SECONDS = 1.0
"""How long core may be away before the patient is asked to wait."""


class CoreLine:
    """Talks to core. ``on_screen`` and ``on_away`` are called from the line's own thread."""

    def __init__(
        self,
        path: str,
        on_screen: Callable[[Screen], None],
        on_away: Callable[[], None],
        allowed_uids: frozenset[int] = frozenset(),
    ) -> None:
        self._path = path
        self._on_screen = on_screen
        self._on_away = on_away
        self._allowed = allowed_uids
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._decoder = msgspec.json.Decoder(Screen)
        self._encoder = msgspec.json.Encoder()
        self._thread = threading.Thread(target=self._run, name="core-line", daemon=True)

    def open(self) -> None:
        """Start connecting."""
        self._thread.start()

    def close(self) -> None:
        """Hang up and stop reconnecting."""
        self._closing.set()
        with self._lock:
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(2)

    def send(self, touch: Touch) -> bool:
        """Send a touch; False if core is away (the touch is then forgotten, never queued).

        A touch belongs to the screen it was made on: delivering it later would act on another.
        """
        line = self._encoder.encode(touch) + b"\n"
        with self._lock:
            if self._socket is None:
                return False
            try:
                self._socket.sendall(line)
            except OSError:
                return False
        return True

    def _run(self) -> None:
        patience = threading.Timer(PATIENCE_SECONDS, self._on_away)
        patience.daemon = True
        patience.start()
        while not self._closing.is_set():
            connection = self._connect()
            if connection is not None:
                with self._lock:
                    self._socket = connection
                try:
                    for screen in self._screens(connection):
                        patience.cancel()
                        self._on_screen(screen)
                finally:
                    with self._lock:
                        self._socket = None
                    connection.close()
                patience = threading.Timer(PATIENCE_SECONDS, self._on_away)
                patience.daemon = True
                patience.start()
            self._closing.wait(RETRY_SECONDS)
        patience.cancel()

    def _connect(self) -> socket.socket | None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(self._path)
        except OSError:
            connection.close()
            return None
        uid = peer_uid(connection)
        if uid != os.getuid() and uid not in self._allowed:
            _complain("core socket belongs to a stranger", path=self._path, uid=uid)
            connection.close()
            return None
        return connection

    def _screens(self, connection: socket.socket) -> Iterator[Screen]:
        """Screens until the connection ends or says something that is not a screen."""
        with connection.makefile("rb") as lines:
            while True:
                try:
                    line = lines.readline(LONGEST_LINE + 1)
                except OSError:
                    return
                if not line.endswith(b"\n"):
                    if len(line) > LONGEST_LINE:
                        _complain("line from core is too long", limit=LONGEST_LINE)
                    return
                try:
                    screen = self._decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    # The error names the field, never its content.
                    _complain("core sent something that is not a screen", problem=str(error))
                    return
                yield screen


def peer_uid(connection: socket.socket) -> int:
    """User id of the process at the other end (SO_PEERCRED, unix(7))."""
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
    )
    uid: int = struct.unpack("3i", credentials)[1]
    return uid


def _complain(event: str, **details: object) -> None:
    """Log an error. structlog costs 0.2 s and 10 MB to import: only when there is need."""
    import structlog

    structlog.get_logger("ui.client").error(event, **details)
