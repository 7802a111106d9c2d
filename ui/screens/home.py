"""All services as tiles, this patient's next action first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kivy.lang import Builder

from firmware.messages.intents import ChooseService
from firmware.messages.views import HomeView, NextAction, Reason, Screen, Tile, TileState
from ui.i18n.formats import spoken_time
from ui.screens.body import Body
from ui.theme import stage
from ui.widgets.choices import Choice
from ui.widgets.pager import Pager, Part
from ui.widgets.panels import Beside, Card, Column, Picture
from ui.widgets.words import Words

KV_NAMES = (
    Card,
    Beside,
    Column,
    Picture,
    Words,
    Pager,
)
"""Widgets the KV rule names: imported so that Kivy knows them."""

Builder.load_file(str(Path(__file__).with_name("home.kv")))

ELDER_CHOICES = 4
STATE_INKS = {TileState.WORKS: "success", TileState.QUEUED: "warning"}


class HomeBody(Body):
    """Elders see four tiles at a time, with the rest one press away."""

    is_listing = True

    def __init__(self, send: Any, **kwargs: Any) -> None:
        super().__init__(send, **kwargs)
        self._part = 0
        self._screen: Screen | None = None
        self._look = stage.current().look
        self.ids.tiles.choices.cols = 1 if self._look.is_elder else 2
        self.lead_in_landscape(self.ids.next_action)
        self.ids.pager.bind(on_turn=self._turn)

    def show(self, screen: Screen) -> None:
        view = screen.view
        assert isinstance(view, HomeView)  # noqa: S101
        self._screen = screen
        self._hint(view)
        action = view.next_action
        first = [self._next(action)] if action and action.is_offered else []
        self.ids.next_action.fill(first, self.send)
        capacity = max(1, len(view.tiles))
        if self._look.is_elder:
            tall = self._look.is_portrait and not self._look.reach
            most = ELDER_CHOICES if tall else ELDER_CHOICES - 1
            capacity = most - len(first)
        part = Part(len(view.tiles), capacity, self._part, 0, 1)
        tiles = [self._tile(tile) for tile in view.tiles[part.span]]
        self.ids.tiles.choices.fill(tiles, self.send)
        self.ids.pager.show(part)

    def _hint(self, view: HomeView) -> None:
        """Above the tiles: the card's invitation, or what is already settled for this patient."""
        ids, action = self.ids, view.next_action
        picture, words, detail = "", "", ""
        cramped = self._look.is_elder and self._look.reach
        if action is not None and not action.is_offered:
            picture, words, detail = "success", *self._told(action)
        elif view.can_identify and action is None and not cramped:
            picture, words = "lay_card", self.text("home.identify")
        ids.hint.opacity = 1 if words else 0
        ids.hint.padding = self._look.mm(3.5 if self._look.is_ample else 2) if words else 0
        ids.hint_picture.width_mm = 14 if detail else 34
        ids.hint_picture.name = picture
        ids.hint_picture.ink = "primary" if detail else "ink"
        ids.hint_words.content, ids.hint_words.heavy = words, bool(detail)
        ids.hint_detail.content = detail

    def _told(self, action: NextAction) -> tuple[str, str]:
        """The next step as information, where this kiosk cannot take it."""
        parts = [action.time or ""]
        parts += [self.pick(part) for part in (action.department, action.doctor) if part]
        if action.number is not None:
            parts.append(self.text("slot.number", number=action.number))
        what = self.text("home.registered", what="  ".join(part for part in parts if part))
        place = self.pick(action.location) if action.location else ""
        return what, self.text("home.wait_at", place=place) if place else ""

    def _turn(self, _: object, by: int) -> None:
        self._part += by
        if self._screen is not None:
            self.show(self._screen)

    def _tile(self, tile: Tile) -> Choice:
        closed = tile.state is TileState.UNAVAILABLE
        state_key = f"reason_short.{tile.reason.value}" if closed else f"tile.{tile.state.value}"
        if closed and tile.reason is Reason.NONE:
            state_key = "tile.unavailable"
        picture = {TileState.WORKS: "check", TileState.QUEUED: "clock"}.get(tile.state, "cross")
        ink = STATE_INKS.get(tile.state, "muted")
        return Choice(
            sid=f"tile.{tile.service.value}",
            title=self.text(f"service.{tile.service.value}"),
            intent=ChooseService(tile.service),
            state=(picture, self.text(state_key), ink),
            picture=tile.service.value,
            kind="weak" if closed else "plain",
            enabled=not closed,
            large=True,
        )

    def _next(self, action: NextAction) -> Choice:
        language = stage.current().catalogue.language
        where = [self.pick(part) for part in (action.department, action.doctor) if part]
        title = self.text(f"next.{action.service.value}", time=action.time or "").strip()
        spoken = self.text(
            f"next.{action.service.value}", time=spoken_time(action.time or "", language)
        )
        return Choice(
            sid="next_action",
            title=title,
            detail="  ".join(where),
            intent=ChooseService(action.service),
            state=("next", self.text("home.next"), "on_primary"),
            picture=action.service.value,
            kind="primary",
            large=True,
            speech=", ".join([self.text("home.next"), spoken, *where]),
        )
