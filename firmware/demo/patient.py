"""A patient's eyes and hands at the kiosk: what the story's sentences are made of."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.demo.kiosk import DeskKiosk
from firmware.demo.screen import Look, StoryFailed

QUIET_SECONDS = 0.25
"""A screen is settled when nothing was drawn for this long."""


class PatientHands:
    """Touches, lays cards, feeds notes, and takes pictures into ``shots``."""

    def __init__(self, kiosk: DeskKiosk, shots: Path) -> None:
        self._kiosk = kiosk
        self._screen = kiosk.screen
        self._lab = kiosk.lab
        self._shots = shots

    # --- screen ---------------------------------------------------------------------------------

    def wakes(self) -> None:
        """Touch the idle screen; the touch after it counts only after a guard of up to 1 s."""
        self._screen.wait_for_view("attract")
        time.sleep(1.1)
        self._screen.touch("attract")
        self._screen.wait_for_view("home")
        time.sleep(1.1)

    def taps(self, widget_id: str, then: str | None = None) -> None:
        """Touch a widget; wait for the screen ``then``, or for any change."""
        if then is None:
            return self._switches(widget_id)
        self.settled()
        self._screen.touch(widget_id)
        self._screen.wait_for_view(then)
        return None

    def types(self, letters: str) -> None:
        """Type on the screen's own keys, each when the one before it has shown its effect."""
        for letter in letters:
            self._switches(f"key.{letter}")

    def taps_text(self, prefix: str, text: str) -> None:
        """Touch the widget whose id begins with ``prefix`` and that says ``text``."""
        seen = self.settled()
        for widget in seen.touchables:
            if widget.id.startswith(prefix) and text in widget.text:
                return self._switches(widget.id)
        raise StoryFailed(f"nothing on {seen.view} says {text!r}: {seen.texts}")

    def taps_first(self, prefix: str, then: str) -> str:
        """Touch the first enabled widget whose id begins with ``prefix``; returns its id."""
        seen = self.settled()
        found = next(
            (one for one in seen.touchables if one.id.startswith(prefix) and one.enabled), None
        )
        if found is None:
            raise StoryFailed(f"no {prefix}… on {seen.view}: {seen.texts}")
        self._screen.touch(found.id)
        self._screen.wait_for_view(then)
        return found.id

    def sees(self, *texts: str, seconds: float = 15) -> Look:
        """Wait until all texts are on the screen."""
        return self._screen.wait(
            f"texts {texts}",
            lambda seen: all(any(text in shown for shown in seen.texts) for text in texts),
            seconds,
        )

    def sees_screen(self, view: str, seconds: float = 15) -> Look:
        """Wait for a screen."""
        return self._screen.wait_for_view(view, seconds)

    def settled(self) -> Look:
        """Wait until nothing is drawn any more."""
        return self._screen.wait(
            "a settled screen", lambda seen: time.monotonic() - seen.drawn_at > QUIET_SECONDS
        )

    def reads_all(self) -> str:
        """Return everything legible now."""
        seen = self._screen.look()
        return " ".join(seen.texts) if seen else ""

    def shoots(self, name: str) -> None:
        """Take one picture of the screen as it is."""
        self.settled()
        self._screen.shot(self._shots / f"{name}.png")

    def shoots_all(self, name: str) -> None:
        """Take the screen in Chinese and English, normal and elder, by touching the tools."""
        self.shoots(f"{name}-zh-normal")
        for tool, suffix in (
            ("tool.elder", "zh-elder"),
            ("tool.language", "en-elder"),
            ("tool.elder", "en-normal"),
        ):
            self._switches(tool)
            self.shoots(f"{name}-{suffix}")
        self._switches("tool.language")

    def _switches(self, widget_id: str) -> None:
        before = self.settled().screen
        self._screen.touch(widget_id)
        self._screen.wait(f"a change after {widget_id}", lambda seen: seen.screen > before)
        self.settled()

    # --- devices --------------------------------------------------------------------------------

    def lays_card(self, preset: str) -> None:
        """Lay an identity card on the reader."""
        self._lab.act("id1", "lay_card", preset=preset)

    def takes_card(self) -> None:
        """Take the card away."""
        self._lab.act("id1", "lift_card")

    def feeds(self, yuan: int) -> None:
        """Put a note to the acceptor when it wants notes and is empty."""
        self._wait_for_acceptor(_wants_a_note)
        self._lab.act("cash1", "feed", amount_yuan=yuan)

    def feeds_crumpled_note(self) -> None:
        """Put a note that the acceptor will refuse."""
        self._wait_for_acceptor(_wants_a_note)
        self._lab.act("cash1", "feed_bad")

    def waits_until_note_is(self, phase: str) -> None:
        """Wait until the acceptor is in this phase."""
        self._wait_for_acceptor(lambda state: state["phase"] == phase)

    def _wait_for_acceptor(self, holds: Callable[[dict[str, Any]], bool]) -> None:
        limit = time.monotonic() + 15
        while not holds(state := self._lab.device("cash1")):
            if time.monotonic() > limit:
                raise StoryFailed(f"the cash acceptor stays in {state}")
            time.sleep(0.02)


def _wants_a_note(state: dict[str, Any]) -> bool:
    return bool(state["accepts_yuan"]) and state["phase"] == "idling"
