"""A screen with a paged list: rows, and previous/next under them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from firmware.messages.intents import Intent, TurnPage
from ui.screens.body import Body
from ui.widgets.pager import Part


class ListBody(Body):
    """Expects ``area`` (ListArea) and ``pager`` (Pager) in its KV rule.

    Whoever has rows of another kind fills them in by ``fill_rows`` and needs no ``area``.
    """

    capacity = 5
    is_listing = True

    def __init__(self, send: Callable[[Intent], None], **kwargs: Any) -> None:
        super().__init__(send, **kwargs)
        self._rows: Sequence[Any] = ()
        self._part = Part(0, self.capacity, 0, 0, 1)
        self._subject: tuple[object, ...] = ()
        self.ids.pager.bind(on_turn=self._turn)

    def list_rows(
        self, rows: Sequence[Any], page: int, pages: int, subject: tuple[object, ...]
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

    def fill_rows(self, rows: Sequence[Any]) -> None:
        """Put these rows, and no others, on the screen."""
        self.ids.area.choices.fill(rows, self.send)

    def where(self, part: Part) -> str | None:
        """What stands between previous and next; None for the page's number."""
        return None

    def _lay(self) -> None:
        self.fill_rows(self._rows[self._part.span])
        self.ids.pager.show(self._part, self.where(self._part))

    def _turn(self, _: object, by: int) -> None:
        part = self._part
        turned = part.turned(by)
        if turned is None:
            self.send(TurnPage(part.page + by))
            return
        self._part = Part(part.rows, part.capacity, turned, part.page, part.pages)
        self._lay()
