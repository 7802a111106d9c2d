"""Idle: the first touch only wakes."""

from __future__ import annotations

from pathlib import Path

from kivy.lang import Builder

from firmware.messages.views import AttractView, Screen
from ui.screens.body import Body
from ui.widgets.panels import Beside, Card, Column, Picture
from ui.widgets.words import Words

KV_NAMES = (
    Beside,
    Card,
    Column,
    Picture,
    Words,
)
"""Widgets the KV rule names: imported so that Kivy knows them."""

Builder.load_file(str(Path(__file__).with_name("attract.kv")))


class AttractBody(Body):
    """What the kiosk is, and that it wants to be touched – in both languages, whoever comes."""

    def show(self, screen: Screen) -> None:
        assert isinstance(screen.view, AttractView)  # noqa: S101
