"""The patient screen's process: window, line to core, and the probe if it was asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kivy.app import App
from kivy.base import runTouchApp, stopTouchApp
from kivy.clock import Clock
from kivy.core.window import Window

from firmware.messages.intents import Touch
from firmware.messages.views import Screen
from ui.client import CoreLine
from ui.loop import hang_bell, turn
from ui.memory import collect_rarely
from ui.probe import Probe
from ui.systemd_notify import ALIVE, READY, notify, watchdog_interval_seconds
from ui.theme.fonts import load_fonts
from ui.theme.look import Geometry, Look
from ui.window import KioskWindow

LAYOUT_ROUNDS = 60
"""Rounds of layout before a frame. With Kivy's 10 a new screen was drawn half placed for a frame
or two, and a finger could meet a button on its way."""


@dataclass(frozen=True)
class Options:
    """How the process was started."""

    socket: str
    geometry: Geometry
    windowed: bool = False
    probe: str | None = None
    core_uids: frozenset[int] = frozenset()


class OutpostScreen(App):
    """One window for ever. Everything it shows comes from core."""

    title = "Outpost"

    def __init__(self, options: Options, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._options = options
        self._line = CoreLine(
            options.socket, self._hand_over, self._hand_over_away, options.core_uids
        )
        self._probe: Probe | None = None
        self._bell = hang_bell()

    def run(self) -> None:
        """Turn until stopped."""
        self._run_prepare()
        runTouchApp(embedded=True)
        try:
            turn(self._bell)
        finally:
            stopTouchApp()
        self._stop()

    def build(self) -> KioskWindow:
        """The root widget; drawing starts before core has said anything."""
        Clock.max_iteration = LAYOUT_ROUNDS
        look = Look(self._options.geometry)
        Window.clearcolor = look.palette.rgba("surface")
        if not self._options.windowed:
            Window.bind(on_request_close=_refuse)
        self.kiosk = KioskWindow(look, load_fonts(), self._send, time.monotonic)
        if self._options.probe:
            self._probe = Probe(self._options.probe, self.kiosk, Window, self._bell.ring)
        return self.kiosk

    def on_start(self) -> None:
        """The first frame is on its way: now connect."""
        if self._probe is not None:
            self._probe.open()
        collect_rarely()
        self._line.open()
        Clock.schedule_once(_later(lambda: notify(READY)))
        interval = watchdog_interval_seconds()
        if interval is not None:
            Clock.schedule_interval(_later(lambda: notify(ALIVE)), interval)

    def on_stop(self) -> None:
        self._line.close()
        if self._probe is not None:
            self._probe.close()

    def open_settings(self, *_: object) -> bool:
        """Kivy's settings panel (F1) does not exist on a kiosk."""
        return False

    def _send(self, touch: Touch) -> bool:
        return self._line.send(touch)

    def _hand_over(self, screen: Screen) -> None:
        Clock.schedule_once(_later(lambda: self.kiosk.show(screen)))
        self._bell.ring()

    def _hand_over_away(self) -> None:
        Clock.schedule_once(_later(lambda: self.kiosk.wait()))
        self._bell.ring()


def _refuse(*_: object, **__: object) -> bool:
    """Nobody closes the window of a kiosk from the keyboard."""
    return True


def _later(action: Callable[[], None]) -> Callable[[float], None]:
    return lambda _: action()
