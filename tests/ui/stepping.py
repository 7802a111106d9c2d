"""The real shell, stepped by hand: layout passes and time only when a test says so."""

from __future__ import annotations

from typing import Any

from tests.ui.display import prepare_display

prepare_display()

from ui.environment import prepare_kivy  # noqa: E402

prepare_kivy()

from kivy.clock import Clock  # noqa: E402
from kivy.lang import Builder  # noqa: E402

from firmware.messages.intents import Intent  # noqa: E402
from firmware.messages.views import Screen  # noqa: E402
from ui.i18n.catalogue import load_catalogue  # noqa: E402
from ui.screens.shell import Shell  # noqa: E402
from ui.theme.fonts import load_fonts  # noqa: E402
from ui.theme.look import Geometry, Look  # noqa: E402
from ui.theme.stage import Stage  # noqa: E402

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
