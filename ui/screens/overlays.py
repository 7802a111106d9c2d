"""Questions and messages over the body: time-out warning, cancel question, notice, help.

One at a time; the most urgent wins. What is under it cannot be touched meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kivy.graphics import Color, Rectangle
from kivy.uix.anchorlayout import AnchorLayout

from firmware.messages.intents import (
    CallStaff,
    CloseHelp,
    DismissNotice,
    ExtendTime,
    GoHome,
    Intent,
    KeepPaying,
    OpenStaff,
    ReallyCancel,
)
from firmware.messages.views import Notice, PayView, Screen
from ui.i18n.catalogue import Catalogue
from ui.i18n.formats import yuan
from ui.theme import stage
from ui.widgets.buttons import PushButton
from ui.widgets.panels import Card, Column, Picture
from ui.widgets.words import Words


@dataclass(frozen=True)
class Answer:
    """A button of a dialog."""

    sid: str
    label: str
    intent: Intent
    kind: str = "plain"


@dataclass(frozen=True)
class Question:
    """Everything a dialog shows."""

    name: str
    picture: str
    ink: str
    headline: str
    text: str
    answers: tuple[Answer, ...]
    number: str = ""


def question_for(screen: Screen, catalogue: Catalogue) -> Question | None:
    """The most urgent question of this screen, in words."""
    frame, view = screen.frame, screen.view
    if frame.seconds_left is not None:
        return _time_out(frame.seconds_left, catalogue)
    if isinstance(view, PayView) and view.asks_cancel:
        return _cancel(view, catalogue)
    if frame.notice is not None:
        return _notice(frame.notice, catalogue)
    if frame.help_open:
        return _help(screen, catalogue)
    return None


def _time_out(seconds: int, catalogue: Catalogue) -> Question:
    text = catalogue.text
    return Question(
        "time_out",
        "clock",
        "warning",
        text("time_out.headline"),
        text("time_out.text"),
        (
            Answer("button.extend", text("time_out.extend"), ExtendTime(), "primary"),
            Answer("button.end", text("time_out.end"), GoHome()),
        ),
        number=text("time_out.seconds", seconds=max(0, seconds)),
    )


def _cancel(view: PayView, catalogue: Catalogue) -> Question:
    text = catalogue.text
    money = yuan(view.collected_fen, catalogue.language)
    key = "cancel.with_money" if view.collected_fen else "cancel.without_money"
    return Question(
        "cancel",
        "warning",
        "danger",
        text("cancel.headline"),
        text(key, amount=money),
        (
            Answer("button.keep_paying", text("cancel.keep"), KeepPaying(), "primary"),
            Answer("button.really_cancel", text("cancel.really"), ReallyCancel(), "danger"),
        ),
    )


def _notice(notice: Notice, catalogue: Catalogue) -> Question:
    text = catalogue.text
    headline = (
        text("notice.service", service=text(f"service.{notice.service.value}"))
        if notice.service
        else text("notice.headline")
    )
    return Question(
        "notice",
        "info",
        "primary",
        headline,
        f"{text(f'reason.{notice.reason.value}')} {text(f'advice.{notice.reason.value}')}".strip(),
        (Answer("button.dismiss", text("notice.dismiss"), DismissNotice(), "primary"),),
    )


def _help(screen: Screen, catalogue: Catalogue) -> Question:
    text = catalogue.text
    tag = type(screen.view).__struct_config__.tag
    called = screen.frame.staff_called
    close = Answer("button.close_help", text("help.close"), CloseHelp(), "plain")
    call = Answer("button.call_staff", text("help.call"), CallStaff(), "primary")
    staff = Answer("button.open_staff", text("help.staff_entry"), OpenStaff(), "weak")
    return Question(
        "help",
        "success" if called else "help",
        "success" if called else "primary",
        text("help.called" if called else "help.headline"),
        text("help.coming" if called else f"help.{tag}"),
        (
            *(() if called else (call,)),
            close,
            *((staff,) if screen.frame.offers_staff else ()),
        ),
    )


class Overlay(AnchorLayout):
    """Dims what is below, swallows touches beside its card."""

    def __init__(self, question: Question, send: Callable[[Intent], None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        look = stage.current().look
        self.anchor_y = "bottom" if look.is_portrait else "center"
        self.padding = (look.edge, look.edge, look.edge, look.mm(24) if look.is_portrait else 0)
        with self.canvas.before:
            Color(*look.palette.rgba("scrim"))
            self._scrim = Rectangle()
        self.fbind("pos", self._cover)
        self.fbind("size", self._cover)
        self.question = question
        self._card = Card(padding=look.mm(8), spacing=look.mm(5), outline="outline")
        self._card.pos_hint = {"center_x": 0.5}
        if not look.is_portrait:
            self._card.size_hint_x = 0.56
        self._picture = Picture(width_mm=18, pos_hint={"center_x": 0.5})
        self._headline = Words(role="title", heavy=True, halign="center")
        self._number = Words(role="number", heavy=True, halign="center")
        self._text = Words(role="action", halign="center")
        for widget in (self._picture, self._headline, self._number, self._text):
            self._card.add_widget(widget)
        answers = Column(spacing=look.gap, padding=(0, look.mm(3), 0, 0))
        for answer in question.answers:
            button = PushButton(content=answer.label, sid=answer.sid, kind=answer.kind)
            button.least_height = look.sized(18)
            if answer.kind == "weak":
                button.role, button.heavy, button.least_height = "body", False, 0
            button.bind(on_tap=_sender(send, answer.intent))
            answers.add_widget(button)
        self._card.add_widget(answers)
        self.add_widget(self._card)
        self.show(question)

    def show(self, question: Question) -> None:
        """Another state of the same question (a countdown)."""
        self.question = question
        self._picture.name = question.picture
        self._picture.ink = question.ink
        self._headline.content = question.headline
        self._number.content = question.number
        if question.number and self._number.parent is None:
            self._card.add_widget(self._number, index=2)
        elif not question.number and self._number.parent is not None:
            self._card.remove_widget(self._number)
        self._text.content = question.text

    def fits(self, question: Question) -> bool:
        """Whether only texts differ, so that a finger on a button is not disturbed."""
        return question.name == self.question.name and question.answers == self.question.answers

    def _cover(self, *_: object) -> None:
        self._scrim.pos, self._scrim.size = self.pos, self.size

    def on_touch_down(self, touch: Any) -> bool:
        super().on_touch_down(touch)
        return True


def _sender(send: Callable[[Intent], None], intent: Intent) -> Callable[[PushButton], None]:
    return lambda _: send(intent)
