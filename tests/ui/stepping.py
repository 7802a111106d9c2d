"""The real shell, stepped by hand: layout passes and time only when a test says so."""

# ruff: noqa: E402 - Kivy reads its settings when it is imported, so they are made first

from __future__ import annotations

from typing import Any

from tests.ui.display import prepare_display

prepare_display()

from ui.environment import prepare_kivy

prepare_kivy()

from kivy.clock import Clock
from kivy.graphics import Color, Rectangle
from kivy.input.motionevent import MotionEvent
from kivy.lang import Builder

from firmware.messages.intents import Activity, Intent, Touch
from firmware.messages.views import Screen
from ui.i18n.catalogue import load_catalogue
from ui.screens.shell import Shell
from ui.theme.fonts import load_fonts
from ui.theme.look import Geometry, Look
from ui.theme.stage import Stage
from ui.widgets.words import Words
from ui.window import KioskWindow

PORTRAIT = Geometry(1080, 1920, 268.0, 476.0)
LANDSCAPE = Geometry(1920, 1080, 476.0, 268.0)
FONTS = load_fonts()


def settle(passes: int = 12) -> None:
    """Let layouts come to rest, without waiting for frames."""
    for _ in range(passes):
        Clock.tick_draw()
        Builder.sync()


class Stand:
    """A shell of a given look, off the window: same widgets, same layout, no clock."""

    def __init__(self, look: Look) -> None:
        self.sent: list[Intent] = []
        Stage(look, load_catalogue(look.language), FONTS).enter()
        self.look = look
        self.shell = Shell(self.sent.append)
        self.shell.size = (look.geometry.width_px, look.geometry.height_px)
        with self.shell.canvas.before:  # the window clears itself to this; here is no window
            Color(*look.palette.rgba("surface"))
            Rectangle(size=self.shell.size)

    def show(self, screen: Screen) -> Shell:
        """Show a screen and let it settle."""
        self.shell.show(screen)
        settle()
        return self.shell

    def picture(self, path: str) -> None:
        """Write what is shown as PNG."""
        self.shell.export_to_png(path)


def widgets(root: Any) -> list[Any]:
    """All widgets that are shown."""
    return list(root.walk(restrict=True))


class Finger(MotionEvent):
    """One finger on a widget tree that is not in a window; grabs work as in Kivy's event loop."""

    def __init__(self, root: Any, x: float, y: float) -> None:
        super().__init__("test", "finger", {"x": x, "y": y}, is_touch=True, type_id="touch")
        self._root = root
        self.put(x, y)

    def put(self, x: float, y: float) -> None:
        self.x, self.y = x, y
        self.pos = (x, y)

    def depack(self, args: Any) -> None:
        """Positions are set by ``put``."""

    def down(self) -> Finger:
        self.grab_current = None
        self._root.on_touch_down(self)
        return self

    def move(self, x: float, y: float) -> Finger:
        self.put(x, y)
        self._root.on_touch_move(self)
        self._to_grabbers("on_touch_move")
        return self

    def up(self) -> None:
        self.grab_current = None
        self._root.on_touch_up(self)
        self._to_grabbers("on_touch_up")

    def _to_grabbers(self, handler: str) -> None:
        for reference in list(self.grab_list):
            widget = reference()
            if widget is not None:
                self.grab_current = widget
                getattr(widget, handler)(self)
        self.grab_current = None


class Kiosk:
    """The whole window with a clock a test moves by hand."""

    def __init__(self, look: Look | None = None) -> None:
        self.now = 100.0
        self.sent: list[Touch] = []
        self.window = KioskWindow(look or Look(PORTRAIT), FONTS, self._send, lambda: self.now)
        self.window.size = (1080, 1920)

    def _send(self, touch: Touch) -> bool:
        self.sent.append(touch)
        return True

    def show(self, screen: Screen) -> None:
        self.window.show(screen)
        settle()

    def find(self, sid: str) -> Any:
        """The widget of this stable id."""
        found = [w for w in widgets(self.window) if getattr(w, "sid", None) == sid]
        assert len(found) == 1, f"{len(found)} widgets are called {sid}"
        return found[0]

    def finger_on(self, sid: str) -> Finger:
        """A finger that comes down in the middle of a widget."""
        widget = self.find(sid)
        return Finger(self.window, widget.center_x, widget.center_y).down()

    def tap(self, sid: str) -> None:
        self.finger_on(sid).up()
        settle()

    def tap_at(self, x: float, y: float) -> None:
        Finger(self.window, x, y).down().up()
        settle()

    @property
    def intents(self) -> list[Intent]:
        """What was meant, without the bare signs of life."""
        return [touch.intent for touch in self.sent if not isinstance(touch.intent, Activity)]

    @property
    def texts(self) -> list[str]:
        return [w.content for w in widgets(self.window) if isinstance(w, Words) and w.content]
