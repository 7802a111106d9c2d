"""Anything a finger can press: pressed within a frame, sliding off cancels, done on release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kivy.clock import Clock
from kivy.properties import BooleanProperty, NumericProperty, OptionProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from ui.theme import stage
from ui.widgets.panels import Ground, Picture
from ui.widgets.words import Words

JITTER_PX = 30
"""A finger may leave the target by this much and still mean it."""

TAPPED = "outpost.tapped"
"""Where a touch notes the ``Touchable`` it tapped (``MotionEvent.ud``)."""

AFTERGLOW_SECONDS = 0.25
"""How long what was tapped still looks pressed while the answer is on its way.

Letting go at once would redraw the whole window first and delay the answer by that frame."""


@dataclass(frozen=True)
class Dress:
    """Roles of one kind of touchable: ground, outline, ink – idle and pressed."""

    fill: str
    edge: str
    ink: str
    pressed_fill: str
    pressed_ink: str


KINDS = {
    "primary": Dress("primary", "", "on_primary", "primary_pressed", "on_primary"),
    "secondary": Dress("raised", "primary", "primary", "primary", "on_primary"),
    "plain": Dress("raised", "outline", "ink", "primary", "on_primary"),
    "chosen": Dress("primary", "primary", "on_primary", "primary_pressed", "on_primary"),
    "danger": Dress("raised", "danger", "danger", "danger_tint", "danger"),
    "weak": Dress("sunken", "outline", "muted", "raised", "ink"),
}


class Touchable(BoxLayout):
    """A box that can be pressed; dispatches ``on_tap``.

    ``is_pressed`` is how it looks: from the touch until it slid off, or until what it meant was
    answered (``let_go``, called by the window) or ``AFTERGLOW_SECONDS`` have passed.

    ``sid`` is its stable name (see ui.probe), ``speech`` what is said for it. ``follows`` marks
    descendants whose ink follows the state: ``Words`` and ``Picture`` given to ``follow``.
    """

    sid = StringProperty("")
    speech = StringProperty("")
    kind = OptionProperty("plain", options=list(KINDS))
    is_pressed = BooleanProperty(False)
    is_enabled = BooleanProperty(True)
    is_choice = BooleanProperty(False)
    least_width = NumericProperty(0)

    def __init__(self, **kwargs: Any) -> None:
        self._stage = stage.current()
        self.register_event_type("on_tap")
        super().__init__(**kwargs)
        self._ground = Ground(self)
        self._followers: list[Words | Picture] = []
        self._finger: Any = None
        self._fade = Clock.create_trigger(self.let_go, AFTERGLOW_SECONDS)
        self.fbind("kind", self.dress)
        self.fbind("is_pressed", self.dress)
        self.fbind("sid", self.let_go)
        self.dress()

    def follow(self, *widgets: Words | Picture) -> None:
        """Let the ink of these follow the state of this touchable."""
        self._followers.extend(widgets)
        self.dress()

    @property
    def ink(self) -> str:
        dress = KINDS[self.kind]
        return dress.pressed_ink if self.is_pressed else dress.ink

    def dress(self, *_: object) -> None:
        """Paint the state."""
        dress = KINDS[self.kind]
        fill = dress.pressed_fill if self.is_pressed else dress.fill
        self._ground.paint(fill, dress.edge, self._stage.look.line)
        for widget in self._followers:
            widget.ink = self.ink

    def on_tap(self) -> None:
        """Default handler of the event."""

    def on_touch_down(self, touch: Any) -> bool:
        if not self.collide_point(*touch.pos) or self._finger is not None:
            return False
        touch.grab(self)
        self._fade.cancel()
        self._finger = touch
        self.is_pressed = True
        return True

    def on_touch_move(self, touch: Any) -> bool:
        if touch.grab_current is not self:
            return False
        if not self._is_near(*touch.pos):
            touch.ungrab(self)
            self.let_go()
        return True

    def on_touch_up(self, touch: Any) -> bool:
        if touch.grab_current is not self:
            return False
        touch.ungrab(self)
        if self._finger is touch and self._is_near(*touch.pos):
            self._finger = None
            touch.ud[TAPPED] = self
            self._fade()
            self.dispatch("on_tap")
        else:
            self.let_go()
        return True

    def let_go(self, *_: object) -> None:
        """Look idle again. A finger still on it means nothing any more: another thing may have
        come to stand here."""
        self._fade.cancel()
        self._finger = None
        self.is_pressed = False

    def _is_near(self, x: float, y: float) -> bool:
        return bool(
            self.x - JITTER_PX <= x <= self.right + JITTER_PX
            and self.y - JITTER_PX <= y <= self.top + JITTER_PX
        )
