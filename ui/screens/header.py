"""The fixed head of every screen: clinic, time, network, emergencies, the offline notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kivy.lang import Builder

from firmware.messages.views import Frame, Network
from ui.i18n.formats import spoken_time
from ui.theme import stage
from ui.widgets.panels import Beside, Column, Ground

Builder.load_file(str(Path(__file__).with_name("header.kv")))


class NetworkChip(Beside):
    """Online or offline, by pictogram, word and colour."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size_hint_x = None
        self._ground = Ground(self)
        self.fbind("minimum_width", self._widen)

    def _widen(self, *_: object) -> None:
        self.width = self.minimum_width

    def show(self, network: Network) -> None:
        online = network is Network.ONLINE
        ink = "success" if online else "warning"
        self._ground.paint(f"{ink}_tint")
        self.ids.picture.name = "online" if online else "offline"
        self.ids.picture.ink = ink
        self.ids.words.ink = ink
        self.ids.words.content = stage.current().catalogue.text(f"network.{network.value}")


class OfflineNote(Beside):
    """Since when there is no network, and what that means."""


class Header(Column):
    """Shows the frame's information; nothing in it can be touched."""

    def show(self, frame: Frame) -> None:
        catalogue = stage.current().catalogue
        self.ids.clinic.content = catalogue.pick(frame.clinic)
        self.ids.patient.content = (
            catalogue.text("frame.patient", name=frame.patient)
            if frame.patient
            else catalogue.text("frame.kiosk", kiosk=frame.kiosk)
        )
        self.ids.time.content = frame.time
        self.ids.time.speech = spoken_time(frame.time, catalogue.language)
        self.ids.network.show(frame.network)
        strip = self.ids.offline_strip
        if frame.network is Network.ONLINE:
            strip.clear_widgets()
            return
        if not strip.children:
            strip.add_widget(OfflineNote())
        since = frame.offline_since
        key = "frame.offline_since" if since else "frame.offline"
        strip.children[0].ids.words.content = catalogue.text(key, since=since or "")
