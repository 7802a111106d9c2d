"""The kiosk cannot serve, why, and what to do instead."""

from __future__ import annotations

from pathlib import Path

from kivy.lang import Builder

from firmware.messages.views import OutOfServiceView, Screen
from ui.i18n.formats import spoken_code
from ui.screens.body import Body
from ui.widgets.panels import Card, Picture
from ui.widgets.words import Words

KV_NAMES = (
    Card,
    Picture,
    Words,
)
"""Widgets the KV rule names: imported so that Kivy knows them."""

Builder.load_file(str(Path(__file__).with_name("out_of_service.kv")))


class OutOfServiceBody(Body):
    """No button can help here except the ones of the frame."""

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, OutOfServiceView)  # noqa: S101
        self.ids.reason.content = self.text(f"reason.{view.reason.value}")
        self.ids.code.content = self.text("out.code", code=view.code) if view.code else ""
        self.ids.code.speech = (
            self.text("out.code", code=spoken_code(view.code)) if view.code else ""
        )
