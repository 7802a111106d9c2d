"""The whole window: header, body, footer, overlay – built anew for each look, updated in place.

The shell keeps one built body for each kind of screen, so that a change of screen is a change of
parent. When a session ends it drops every body that may have shown the patient (S1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kivy.uix.boxlayout import BoxLayout
from kivy.uix.floatlayout import FloatLayout
from kivy.uix.widget import Widget

from firmware.messages.intents import Intent
from firmware.messages.views import (
    AttractView,
    ConfirmView,
    DepartmentView,
    DoctorView,
    DoneView,
    HomeView,
    IdentifyView,
    PayView,
    Screen,
    SlotView,
    View,
)
from ui.screens.body import Body
from ui.screens.footer import Footer
from ui.screens.header import Header
from ui.screens.overlays import Overlay, question_for
from ui.screens.registry import BODIES
from ui.screens.rehearsal import TYPICAL_VIEWS
from ui.theme import stage
from ui.widgets.words import Words

AHEAD: tuple[type[Any], ...] = (
    HomeView,
    IdentifyView,
    DepartmentView,
    DoctorView,
    SlotView,
    ConfirmView,
    PayView,
    DoneView,
    AttractView,
)
"""Built ahead of their use, in the order a patient meets them; the rest is rare."""


class Shell(FloatLayout):
    """Give it ``Screen`` after ``Screen``; it hands ``send`` what the finger means."""

    def __init__(self, send: Callable[[Intent], None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._send = send
        self.screen: Screen | None = None
        self.bodies: dict[type[Any], Body] = {}
        self._rehearsals: dict[type[Any], list[View]] = {}
        self.overlay: Overlay | None = None
        self._column = BoxLayout(orientation="vertical")
        self.header = Header()
        self.holder = BoxLayout()
        self.footer = Footer(send)
        for widget in (self.header, self.holder):
            self._column.add_widget(widget)
        self.add_widget(self._column)
        self.footer.fbind("height", self._reach)
        # Also while it is not shown: its height says where a body will stand.
        self.fbind("width", self.footer.setter("width"))

    def _reach(self, *_: object) -> None:
        height = stage.current().look.reach_top - self.footer.height
        for body in self.bodies.values():
            body.act_height = height

    def show(self, screen: Screen) -> None:
        """Put ``screen`` in place of the one before."""
        former, self.screen = self.screen, screen
        if former is not None and _ends_session(former, screen):
            self.forget()
        self.header.show(screen.frame)
        attract = isinstance(screen.view, AttractView)
        if attract and self.footer.parent:
            self._column.remove_widget(self.footer)
        elif not attract and not self.footer.parent:
            self._column.add_widget(self.footer)
        self.footer.show(screen)
        body = self.body_for(type(screen.view))
        self._rehearsals.pop(type(screen.view), None)
        body.show(screen)
        if body.parent is not self.holder:
            self.holder.clear_widgets()
            self.holder.add_widget(body)
        self._show_question(screen)

    def body_for(self, view: type[Any]) -> Body:
        """The body that shows this kind of view, built if it has not been yet."""
        if view not in self.bodies:
            self.bodies[view] = BODIES[view](self._send)
            self._reach()
        return self.bodies[view]

    def build_next(self) -> bool:
        """Take one step towards having every body ready before its use; False when all are."""
        for view in AHEAD:
            if view not in self.bodies:
                self.body_for(view)
                self._rehearsals[view] = list(TYPICAL_VIEWS.get(view, ()))
                return True
            if self._rehearsals.get(view):
                self._rehearse(self.bodies[view], self._rehearsals[view].pop(0))
                return True
        return False

    def _rehearse(self, body: Body, view: View) -> None:
        """Let a body lay itself out where it will stand, unseen."""
        if self.screen is None or body.parent is not None:
            return
        body.pos = (0, self.footer.height)
        body.size = (self.width, max(0, self.height - self.header.height - self.footer.height))
        body.show(Screen(self.screen.number, self.screen.frame, view))

    def forget(self) -> None:
        """Clear and drop every body: nothing keeps what the patient was shown."""
        self.holder.clear_widgets()
        for body in self.bodies.values():
            wipe(body)
        self.bodies.clear()
        self._rehearsals.clear()
        if self.overlay is not None:
            wipe(self.overlay)

    def _show_question(self, screen: Screen) -> None:
        question = question_for(screen, stage.current().catalogue)
        if self.overlay is not None and question is not None and self.overlay.fits(question):
            self.overlay.show(question)
            return
        if self.overlay is not None:
            self.remove_widget(self.overlay)
            self.overlay = None
        if question is not None:
            self.overlay = Overlay(question, self._send)
            self.add_widget(self.overlay)


def wipe(widget: Widget) -> None:
    """Empty every text in this tree, so that a reference left somewhere holds nothing."""
    for descendant in widget.walk(restrict=True):
        if isinstance(descendant, Words):
            descendant.content = ""
            descendant.speech = ""
        elif hasattr(descendant, "speech"):
            descendant.speech = ""


def _ends_session(former: Screen, screen: Screen) -> bool:
    had_patient = former.frame.patient is not None
    return (had_patient and screen.frame.patient is None) or (
        isinstance(screen.view, AttractView) and not isinstance(former.view, AttractView)
    )
