"""The fixed foot: Back, step, Home – and the tools, where every arm reaches them.

The tools stand at the bottom in every mode, so that their place never changes: a wheelchair user
reaches them without having to find reach mode first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kivy.uix.boxlayout import BoxLayout

from firmware.messages.intents import (
    GoBack,
    GoHome,
    Intent,
    OpenHelp,
    SetContrast,
    SetLanguage,
    SetReach,
    SetSize,
)
from firmware.messages.staff import StaffCodeView, StaffView
from firmware.messages.views import Contrast, Frame, HomeView, Language, Screen, Size
from ui.theme import stage
from ui.widgets.buttons import PushButton
from ui.widgets.facts import Steps
from ui.widgets.panels import Column
from ui.widgets.words import Words

LEAVING: dict[type[Any], str] = {
    HomeView: "button.leave",
    StaffCodeView: "button.sign_out",
    StaffView: "button.sign_out",
}
"""Where Home would lead out of the session, and what its button says there."""


class Footer(BoxLayout):
    """Navigation and tools: two lines in portrait, one in landscape."""

    def __init__(self, send: Callable[[Intent], None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        current = stage.current()
        look = current.look
        self._send = send
        self._text = current.catalogue.text
        self._look = look
        self.size_hint_y = None
        self.orientation = "vertical" if look.is_portrait else "horizontal"
        self.spacing = look.gap
        self.padding = (look.edge, look.mm(2), look.edge, look.mm(5))
        self._build_navigation()
        self._build_tools()
        self.fbind("minimum_height", self._grow)
        self._grow()

    def _build_navigation(self) -> None:
        look = self._look
        self._navigation = BoxLayout(spacing=look.gap, size_hint_y=None)
        if not look.is_portrait:
            self._navigation.size_hint_x = 0.72
        self._back = PushButton(content=self._text("button.back"), picture="back")
        self._back.sid = "button.back"
        self._home = PushButton(content=self._text("button.home"), picture="home")
        self._home.sid = "button.home"
        self._back.bind(on_tap=lambda _: self._send(GoBack()))
        self._home.bind(on_tap=lambda _: self._send(GoHome()))
        self._step = Words(halign="center", ink="muted")
        self._steps = Steps()
        self._middle = Column(pos_hint={"center_y": 0.5}, spacing=look.mm(1))
        self._middle.add_widget(self._step)
        self._middle.add_widget(self._steps)
        self._back_place, self._home_place = Column(), Column()
        for place in (self._back_place, self._home_place):
            place.pos_hint = {"center_y": 0.5}
        for widget in (self._back_place, self._middle, self._home_place):
            self._navigation.add_widget(widget)
        self._navigation.height = self._home.height
        self._home.fbind("natural_height", self._level)
        self._middle.fbind("height", self._level)
        self._back.fbind("natural_height", self._level)
        self.add_widget(self._navigation)

    def _level(self, *_: object) -> None:
        shown = [button for button in (self._back, self._home) if button.parent]
        highest = max((button.natural_height for button in shown), default=0)
        highest = max(highest, self._middle.height)
        for button in shown:
            button.least_height = highest
        self._navigation.height = highest

    def _build_tools(self) -> None:
        look = self._look
        tools = BoxLayout(spacing=look.gap, size_hint_y=None)
        elder, high = look.is_elder, look.contrast is Contrast.HIGH
        entries: list[tuple[str, str, bool, Intent]] = [
            (
                "language",
                "language",
                False,
                SetLanguage(Language.EN if look.language is Language.ZH else Language.ZH),
            ),
            ("elder", "elder", elder, SetSize(Size.NORMAL if elder else Size.ELDER)),
            ("contrast", "contrast", high, SetContrast(Contrast.NORMAL if high else Contrast.HIGH)),
        ]
        if look.is_portrait:
            entries.append(("reach", "reach", look.reach, SetReach(not look.reach)))
        entries.append(("help", "help", False, OpenHelp()))
        self._tools = []
        for name, picture, chosen, intent in entries:
            button = PushButton(
                content=self._text(f"tool.{name}"),
                picture=picture,
                sid=f"tool.{name}",
                above=True,
                role="body",
                heavy=False,
                kind="chosen" if chosen else "secondary" if name == "help" else "plain",
            )
            key = f"tool.{name}.on" if chosen else f"tool.{name}.off"
            button.speech = self._text(key)
            button.bind(on_tap=self._sender(intent))
            button.fbind("natural_height", self._even)
            self._tools.append(button)
            tools.add_widget(button)
        self._tool_line = tools
        self._even()
        self.add_widget(tools)

    def _sender(self, intent: Intent) -> Callable[[PushButton], None]:
        return lambda _: self._send(intent)

    def _even(self, *_: object) -> None:
        highest = max(tool.natural_height for tool in self._tools)
        for tool in self._tools:
            tool.least_height = highest
        self._tool_line.height = highest

    def show(self, screen: Screen) -> None:
        frame = screen.frame
        self._place(self._back_place, self._back, frame.can_go_back)
        leaving = LEAVING.get(type(screen.view))
        self._home.content = self._text(leaving or "button.home")
        self._home.picture = "cross" if leaving else "home"
        self._place(self._home_place, self._home, frame.can_go_home)
        self._level()
        self._steps.show(frame.step)
        self._step.content = self._step_words(frame)

    def _step_words(self, frame: Frame) -> str:
        if frame.step is None:
            return ""
        key = "frame.step" if self._look.is_ample else "frame.step_short"
        return self._text(key, step=frame.step[0], steps=frame.step[1])

    def _place(self, place: Column, button: PushButton, wanted: bool) -> None:
        if wanted and not place.children:
            place.add_widget(button)
        elif not wanted:
            place.clear_widgets()

    def _grow(self, *_: object) -> None:
        self.height = self.minimum_height
