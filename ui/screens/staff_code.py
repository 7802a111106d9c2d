"""Staff enter their code: digits become dots at once, and are forgotten once they were sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kivy.lang import Builder

from firmware.messages.intents import EnterStaffCode, Intent
from firmware.messages.staff import StaffCodeState, StaffCodeView
from firmware.messages.views import Screen
from ui.screens.body import Body
from ui.widgets.buttons import PushButton
from ui.widgets.callout import Callout
from ui.widgets.digit_pad import DigitPad
from ui.widgets.keypad import typed
from ui.widgets.panels import Card
from ui.widgets.words import Words

KV_NAMES = (
    Card,
    Words,
    Callout,
    DigitPad,
    PushButton,
)
"""Widgets the KV rule names: imported so that Kivy knows them."""

Builder.load_file(str(Path(__file__).with_name("staff_code.kv")))

SHORTEST_CODE, LONGEST_CODE = 6, 12
"""Digits of a code, as core takes it."""

DOT = "●"


class StaffCodeBody(Body):
    """One question and a pad. What is typed is in no property and no widget, only its length."""

    def __init__(self, send: Callable[[Intent], None], **kwargs: Any) -> None:
        self._code = ""
        self._view: StaffCodeView | None = None
        super().__init__(send, **kwargs)

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, StaffCodeView)  # noqa: S101
        if view != self._view:
            self._view = view
            self._code = ""
        self._tell(view)
        self.ids.pad.is_open = view.state is not StaffCodeState.LOCKED
        self._draw()

    def press(self, key: str) -> None:
        """A key of the pad was pressed."""
        self._code = typed(self._code, key, LONGEST_CODE)
        self._draw()

    def enter(self) -> None:
        """Send the code, once."""
        if not self._is_complete:
            return
        code, self._code = self._code, ""
        self._draw()
        self.send(EnterStaffCode(code))

    def on_parent(self, *_: object) -> None:
        """Whoever leaves this screen leaves nothing of the code."""
        self._code = ""
        self._draw()

    @property
    def _is_complete(self) -> bool:
        return bool(self.ids.pad.is_open) and SHORTEST_CODE <= len(self._code) <= LONGEST_CODE

    def _tell(self, view: StaffCodeView) -> None:
        match view.state:
            case StaffCodeState.ASKING:
                self.ids.told.hush()
            case StaffCodeState.WRONG:
                wrong = self.text("staff_code.wrong", tries=view.tries_left)
                advice = self.text("staff_code.wrong.advice")
                self.ids.told.say("warning", "warning", wrong, advice)
            case StaffCodeState.LOCKED:
                advice = self.text("staff_code.locked.advice", minutes=view.minutes)
                self.ids.told.say("lock", "danger", self.text("staff_code.locked"), advice)

    def _draw(self) -> None:
        """As many dots as digits; what to type while there are none."""
        dots, count = self.ids.dots, len(self._code)
        hint = "staff_code.hint" if self.ids.pad.is_open else "staff_code.closed"
        dots.content = " ".join(DOT * count) or self.text(hint)
        dots.speech = self.text("staff_code.typed", count=count) if count else ""
        dots.ink = "primary" if count else "muted"
        enter = self.ids.enter
        enter.is_enabled = self._is_complete
        is_short = 0 < count < SHORTEST_CODE
        enter.content = self.text("staff_code.enter_more" if is_short else "staff_code.enter")
        enter.kind = "primary" if self._is_complete else "weak"
