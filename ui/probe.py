"""A read-only look at the screen from outside, for the scripted demo and the benchmark.

Off unless ``--probe PATH`` is given; never on a kiosk in service. A client sends lines and gets one
JSON line for each:

* ``look`` → ``{"screen", "view", "language", "size", "touchables": [{"id", "text", "x", "y", "w",
  "h", "enabled"}], "texts": […], "frames", "drawn_at"}``; pixels from the window's top left corner,
  ``drawn_at`` in monotonic seconds (CLOCK_MONOTONIC, the same for every process).
* ``redraws`` → ``{"frames", "drawn_at"}``

Stable ids of what can be touched:

========================  =====================================================================
``tile.<service>``        tiles of home (``tile.register_today`` … ``tile.feedback``)
``next_action``           the patient's next step on home
``row.<code>``            department, doctor or slot by its code or id
``key.<X>``               ``key.A`` … ``key.Z``, ``key.0`` … ``key.9``, ``key.delete``,
                          ``key.clear``, ``key.digits`` (elder)
``chip.symptom.<n>``      symptom words
``chip.all``, ``chip.title.<n>``, ``chip.specialty.<n>``  doctor filters
``chip.title``, ``chip.specialty``  the same in elder mode, stepping through the values
``button.previous/next``  pages
``button.confirm``        confirm screen
``button.cancel_payment`` pay screen
``button.keep_paying``, ``button.really_cancel``  the cancel question
``button.reprint``, ``button.finish``  done, cancelled, case
``button.back``, ``button.home``  footer
``button.extend``, ``button.end``  time-out warning
``button.dismiss``        notice
``button.call_staff``, ``button.close_help``  help
``tool.language``, ``tool.elder``, ``tool.contrast``, ``tool.reach``, ``tool.help``  tools
``attract``               the whole idle screen
========================  =====================================================================
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from kivy.clock import Clock

from firmware.messages.views import AttractView
from ui.widgets.touchable import Touchable
from ui.widgets.words import Words

if TYPE_CHECKING:
    from ui.window import KioskWindow

LONGEST_REQUEST = 64
PATIENCE_SECONDS = 5.0


class Probe:
    """Serves one client at a time from a thread; the looking happens between two frames."""

    def __init__(
        self, path: str, kiosk: KioskWindow, window: Any, ring: Callable[[], None]
    ) -> None:
        self._ring = ring
        self._path = Path(path)
        self._kiosk = kiosk
        self._window = window
        self._frames = 0
        self._drawn_at = 0.0
        self._listener: socket.socket | None = None

    def open(self) -> None:
        """Start listening; counts frames from now on."""
        self._window.bind(on_flip=self._count)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self._path))
        self._path.chmod(0o600)  # the socket, before anyone can connect
        self._listener.listen(4)
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()

    def _count(self, *_: object) -> None:
        self._frames += 1
        self._drawn_at = time.monotonic()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream, contextlib.suppress(OSError):
            while line := stream.readline(LONGEST_REQUEST):
                match line.strip():
                    case b"look":
                        answer = self._between_frames(self._look)
                    case b"redraws":
                        answer = self._drawn()
                    case _:
                        answer = {"error": "unknown request; send 'look' or 'redraws'"}
                stream.write(msgspec.json.encode(answer) + b"\n")
                stream.flush()

    def _between_frames(self, question: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Ask frame after frame until two answers agree: a layout may take several frames."""
        last: dict[str, Any] | None = None
        settled: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

        def ask(_: float) -> None:
            nonlocal last
            answer = question()
            if answer == last:
                settled.put(answer)
            else:
                last = answer
                Clock.schedule_once(ask)

        # A frame later: what was shown just now has its places only after the layout.
        Clock.schedule_once(lambda _: Clock.schedule_once(ask))
        self._ring()
        try:
            return settled.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            return {"error": "the screen does not answer"}

    def _drawn(self) -> dict[str, Any]:
        return {"frames": self._frames, "drawn_at": self._drawn_at}

    def _look(self) -> dict[str, Any]:
        screen = self._kiosk.screen
        answer: dict[str, Any] = {
            "screen": screen.number if screen else None,
            "view": type(screen.view).__struct_config__.tag if screen else None,
            "language": screen.frame.language.value if screen else None,
            "size": screen.frame.size.value if screen else None,
            "waiting": self._kiosk.waiting is not None,
            "touchables": touchables(self._kiosk),
            "texts": texts(self._kiosk),
        }
        return answer | self._drawn()


def touchables(kiosk: KioskWindow) -> list[dict[str, Any]]:
    """Everything that can be touched now; what lies under a question is left out."""
    height = kiosk.height
    if kiosk.waiting is not None or kiosk.screen is None or kiosk.shell is None:
        return []
    if isinstance(kiosk.screen.view, AttractView):
        whole = {"x": 0, "y": 0, "w": int(kiosk.width), "h": int(height)}
        return [{"id": "attract", "text": "", "enabled": True, **whole}]
    root = kiosk.shell.overlay or kiosk.shell
    found = []
    for widget in root.walk(restrict=True):
        if isinstance(widget, Touchable) and widget.sid:
            x, y = widget.to_window(*widget.pos)
            found.append(
                {
                    "id": widget.sid,
                    "text": getattr(widget, "spoken", widget.speech),
                    "x": round(x),
                    "y": round(height - y - widget.height),
                    "w": round(widget.width),
                    "h": round(widget.height),
                    "enabled": bool(widget.is_enabled),
                }
            )
    return found


def texts(kiosk: KioskWindow) -> list[str]:
    """Every visible text, as it is drawn (line ends taken out)."""
    return [
        widget.content
        for widget in kiosk.walk(restrict=True)
        if isinstance(widget, Words) and widget.content
    ]
