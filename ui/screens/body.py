"""What every screen has: a lead that informs and an act that is acted upon.

The same screen stands in portrait (lead above act), in landscape (lead left of act) and in reach
mode (act in the lower 60 % of the screen) by this one rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kivy.properties import NumericProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.widget import Widget

from firmware.messages.intents import Intent
from firmware.messages.views import Screen
from ui.theme import stage
from ui.widgets.choices import Choices
from ui.widgets.panels import Column

LEAD_SHARE = 0.4


class Lead(Column):
    """Information: the question, pictures, amounts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        look = stage.current().look
        self.spacing = look.mm(4 if look.is_roomy else 2)
        self.pos_hint = {"top": 1}


class Act(BoxLayout):
    """Everything that can be touched."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(orientation="vertical", **kwargs)
        self.spacing = stage.current().look.gap


class ListArea(BoxLayout):
    """Gives choices the height that is left, and keeps them at the top of it."""

    most_mm = NumericProperty(40)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(orientation="vertical", **kwargs)
        self.choices = Choices()
        self.add_widget(self.choices)
        self.add_widget(Widget())
        self.fbind("height", self._share)
        self.fbind("most_mm", self._share)

    def _share(self, *_: object) -> None:
        self.choices.most_height = stage.current().look.sized(self.most_mm)
        self.choices.give_room(self.height)


class Body(BoxLayout):
    """A screen between header and footer. ``show`` gives it everything it may show."""

    act_height = NumericProperty(0)
    is_listing = False
    """Fills its act with things to touch; other screens have buttons at the end only."""

    def __init__(self, send: Callable[[Intent], None], **kwargs: Any) -> None:
        self.send = send
        super().__init__(**kwargs)
        look = stage.current().look
        self.text = stage.current().catalogue.text
        self.pick = stage.current().catalogue.pick
        top = look.mm(5 if look.is_roomy else 3)
        self.padding = (look.edge, top, look.edge, look.mm(4 if look.is_roomy else 3))
        self._arrange()

    def _arrange(self) -> None:
        look = stage.current().look
        leads = [child for child in self.children if isinstance(child, Lead)]
        acts = [child for child in self.children if isinstance(child, Act)]
        if look.is_portrait:
            self.orientation = "vertical"
            self.spacing = look.mm(5 if look.is_roomy else 4)
            if look.reach and self.is_listing and leads and acts:
                self.add_widget(Widget(), index=1)
                acts[0].size_hint_y = None
                self.fbind("act_height", self._reach)
                self._reach()
        else:
            self.orientation = "horizontal"
            self.spacing = look.mm(10)
            for lead in leads:
                lead.size_hint_x = LEAD_SHARE
            for act in acts:
                act.size_hint_x = 1 - LEAD_SHARE

    def lead_in_landscape(self, widget: Widget) -> None:
        """Where the act is low and the lead has room, this stands in the lead."""
        if stage.current().look.is_portrait:
            return
        lead = next(child for child in self.children if isinstance(child, Lead))
        widget.parent.remove_widget(widget)
        lead.add_widget(widget)

    def act_in_landscape(self, widget: Widget) -> None:
        """The other way round: this stands above everything in the act."""
        if stage.current().look.is_portrait:
            return
        act = next(child for child in self.children if isinstance(child, Act))
        widget.parent.remove_widget(widget)
        act.add_widget(widget, index=len(act.children))

    def _reach(self, *_: object) -> None:
        act = next(child for child in self.children if isinstance(child, Act))
        act.height = max(0, self.act_height - self.padding[3])

    def show(self, screen: Screen) -> None:
        """Replace everything shown by what ``screen`` says."""
        raise NotImplementedError


class NextArea(Choices):
    """One card above all others, or nothing."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most_height = stage.current().look.sized(34)
        self.give_room(self.most_height)
