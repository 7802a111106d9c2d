"""Lay the resident identity card on the reader."""

from __future__ import annotations

from pathlib import Path

from kivy.lang import Builder

from firmware.messages.views import IdentifyState, IdentifyView, Reason, Screen
from ui.screens.body import Body
from ui.widgets.panels import Card, Picture
from ui.widgets.words import Words

KV_NAMES = (
    Card,
    Picture,
    Words,
)
"""Widgets the KV rule names: imported so that Kivy knows them."""

Builder.load_file(str(Path(__file__).with_name("identify.kv")))

PICTURES = {
    IdentifyState.WAITING: "lay_card",
    IdentifyState.READING: "card_reading",
    IdentifyState.UNREADABLE: "lay_card",
    IdentifyState.READ: "take_card",
}
INKS = {
    IdentifyState.WAITING: "ink",
    IdentifyState.READING: "primary",
    IdentifyState.UNREADABLE: "danger",
    IdentifyState.READ: "success",
}


class IdentifyBody(Body):
    """The picture of the reader changes in step with the card."""

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, IdentifyView)  # noqa: S101
        ids = self.ids
        ids.title.content = self.text("identify.title")
        ids.service.content = self.text(f"service.{view.service.value}")
        ids.picture.name = PICTURES[view.state]
        ids.state.content = self.text(f"identify.{view.state.value}")
        ids.state.ink = INKS[view.state]
        failed = view.reason is not Reason.NONE
        ids.advice.content = (
            f"{self.text(f'reason.{view.reason.value}')} {self.text(f'advice.{view.reason.value}')}"
            if failed
            else self.text(f"identify.{view.state.value}.advice")
        )
