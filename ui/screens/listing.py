"""A screen with a paged list: rows, and previous/next under them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from firmware.messages.intents import Intent, TurnPage
from ui.screens.body import Body
from ui.widgets.choices import Choice
from ui.widgets.pager import Part


class ListBody(Body):
    """Expects ``area`` (ListArea) and ``pager`` (Pager) in its KV rule."""

    capacity = 5
    is_listing = True

    def __init__(self, send: Callable[[Intent], None], **kwargs: Any) -> None:
        super().__init__(send, **kwargs)
        self._rows: Sequence[Choice] = ()
        self._part = Part(0, self.capacity, 0, 0, 1)
        self._subject: tuple[object, ...] = ()
        self.ids.pager.bind(on_turn=self._turn)

    def list_rows(
        self, rows: Sequence[Choice], page: int, pages: int, subject: tuple[object, ...]
    ) -> None:
        """Show core's page ``page`` of ``pages``; another ``subject`` starts at its first part."""
        part = self._part.part
        if (page, *subject) != (self._part.page, *self._subject):
            came_back = page < self._part.page and subject == self._subject
            part = len(rows) if came_back else 0
        self._subject = subject
        self._rows = rows
        self._part = Part(len(rows), self.capacity, part, page, pages)
        self._lay()

    def _lay(self) -> None:
        self.ids.area.choices.fill(self._rows[self._part.span], self.send)
        self.ids.pager.show(self._part)

    def _turn(self, _: object, by: int) -> None:
        part = self._part
        turned = part.turned(by)
        if turned is None:
            self.send(TurnPage(part.page + by))
            return
        self._part = Part(part.rows, part.capacity, turned, part.page, part.pages)
        self._lay()
