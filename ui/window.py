"""The window's root: keeps one shell for the look in force and turns touches into messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kivy.clock import Clock
from kivy.core.window import Window
from kivy.uix.floatlayout import FloatLayout

from firmware.messages.intents import Activity, Intent, Touch, Wake
from firmware.messages.views import AttractView, Screen
from ui.fingers import Fingers
from ui.i18n.catalogue import load_catalogue
from ui.memory import give_back, tidy_up
from ui.screens.shell import Shell
from ui.screens.waiting import Waiting
from ui.theme.fonts import Fonts
from ui.theme.look import Look
from ui.theme.open_fonts import close_fonts
from ui.theme.stage import Stage
from ui.widgets.touchable import TAPPED, Touchable

PREBUILD_SECONDS = 0.2
"""Pause between two bodies that are built ahead of their use: never in the way of a finger."""


class KioskWindow(FloatLayout):
    """``show`` it screens; it calls ``send`` with touches. ``now`` gives monotonic seconds."""

    def __init__(
        self,
        look: Look,
        fonts: Fonts,
        send: Callable[[Touch], bool],
        now: Callable[[], float],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._fonts = fonts
        self._send = send
        self._now = now
        self._fingers = Fingers()
        self._finger: Any = None
        self._lifted: Any = None
        self._place_mm = (0.0, 0.0)
        self._is_void = False
        self._has_leftovers = False
        self._has_scraps = False
        self._touched: Screen | None = None
        self.look = look
        self.shell: Shell | None = None
        self.screen: Screen | None = None
        self.waiting: Waiting | None = None
        self._prebuild = Clock.create_trigger(self._build_ahead, PREBUILD_SECONDS)
        self._stand_up(look)

    def _stand_up(self, look: Look) -> None:
        self.clear_widgets()
        if self.shell is not None:
            self.shell.forget()
            self._has_leftovers = True
        self.look = look
        # The window is cleared anyway: a ground of our own would be a second full layer.
        Window.clearcolor = look.palette.rgba("surface")
        Stage(look, load_catalogue(look.language), self._fonts).enter()
        self.shell = Shell(self._intend)
        self.waiting = None

    def show(self, screen: Screen) -> None:
        """Show what core says now."""
        assert self.shell is not None  # noqa: S101 – set in __init__
        look = self.look.following(screen.frame)
        if look != self.look:
            self._stand_up(look)
        former, self.screen = self.screen, screen
        self._answered()
        if (
            former is not None
            and isinstance(former.view, AttractView)
            and (not isinstance(screen.view, AttractView))
        ):
            self._fingers = self._fingers.woken(self._now())
        if isinstance(screen.view, AttractView):
            self._has_leftovers = True
        overlay = self.shell.overlay
        self.shell.show(screen)
        if (
            former is None
            or type(former.view) is not type(screen.view)
            or (overlay is not self.shell.overlay)
        ):
            # What the finger went down on is gone: lifting it means nothing.
            self._is_void = True
        if self.shell.parent is None:
            self.add_widget(self.shell)
        self._stop_waiting()
        self._prebuild()

    def _answered(self) -> None:
        """What was tapped last need not look pressed any longer."""
        touch, self._lifted = self._lifted, None
        tapped: Touchable | None = touch.ud.get(TAPPED) if touch else None
        if tapped is not None:
            tapped.let_go()

    def wait(self) -> None:
        """Core is away: keep the place, ask for patience, forget what the patient was shown."""
        if self.waiting is not None:
            return
        self._answered()
        self._stand_up(self.look)
        self._is_void = True
        self.waiting = Waiting()
        self.add_widget(self.waiting)

    def _stop_waiting(self) -> None:
        if self.waiting is not None:
            self.remove_widget(self.waiting)
            self.waiting = None

    def _build_ahead(self, _: float) -> None:
        if self.shell is None or self._finger is not None:
            return
        if self._has_leftovers:
            self._has_leftovers = False
            tidy_up(close_fonts)
            self._prebuild()
        elif self.shell.build_next():
            self._has_scraps = True
            self._prebuild()
        elif self._has_scraps:
            # Pictures were drawn large and scaled down.
            self._has_scraps = False
            give_back()

    def on_touch_down(self, touch: Any) -> bool:
        if self.screen is None or self.waiting is not None or self._finger is not None:
            return True
        if not self._fingers.may_touch(self._now()) or (
            getattr(touch, "button", None) not in {None, "left"}
        ):
            return True
        self._finger = touch
        self._is_void = False
        self._touched = self.screen
        if isinstance(self.screen.view, AttractView):
            return True
        super().on_touch_down(touch)
        return True

    def on_touch_up(self, touch: Any) -> bool:
        if touch is not self._finger:
            return True
        self._finger = None
        scale = self.look.geometry.px_per_mm
        self._place_mm = (touch.x / scale, touch.y / scale)
        super().on_touch_up(touch)
        self._lifted = touch
        screen = self.screen
        if screen is not None and isinstance(screen.view, AttractView):
            if self._touched is not None and isinstance(self._touched.view, AttractView):
                self._intend(Wake())
        elif self._fingers.tells_activity(self._now()):
            self._intend(Activity())
        return True

    def _intend(self, intent: Intent) -> None:
        """Send what was meant, naming the screen that the finger saw."""
        now, screen = self._now(), self.screen
        if screen is None or self.waiting is not None or self._is_void:
            return
        if not self._fingers.may_send(intent, now, self._place_mm):
            return
        # A change around the finger (the minute, the network) leaves its meaning; another view
        # does not: then the former number goes out, and core ignores what commits.
        seen = self._touched
        same = seen is None or seen.view == screen.view
        number = screen.number if same or seen is None else seen.number
        self._fingers = self._fingers.sent(intent, now, self._place_mm)
        self._send(Touch(number, intent))
