"""A patient's eyes and hands at the kiosk: what the story's sentences are made of."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.demo.kiosk import DeskKiosk
from firmware.demo.pictures import MODES, Mode, Scene
from firmware.demo.screen import Look, StoryFailed

QUIET_SECONDS = 0.15
"""A screen is settled when nothing was drawn for this long."""

GUARD_SECONDS = 0.7
"""Longer than the half second for which the screen ignores touches after waking or committing."""

DOT = "●"
"""What a typed digit of a code looks like."""

ATTEMPTS = 3
"""A picture is taken again when the screen changed its look meanwhile."""


class PatientHands:
    """Touches, lays cards, feeds notes, and takes pictures into ``shots``."""

    def __init__(self, kiosk: DeskKiosk, shots: Path) -> None:
        self._kiosk = kiosk
        self._screen = kiosk.screen
        self._lab = kiosk.lab
        self._shots = shots

    # --- screen ---------------------------------------------------------------------------------

    def wakes(self) -> None:
        """Touch the idle screen; the touch after it counts only after a guard."""
        self._screen.wait_for_view("attract")
        time.sleep(GUARD_SECONDS)
        self._screen.touch("attract")
        self._screen.wait_for_view("home")
        time.sleep(GUARD_SECONDS)

    def taps(self, widget_id: str, then: str | None = None) -> None:
        """Touch a widget; wait for the screen ``then``, or for any change."""
        if then is None:
            self._switches(widget_id)
            return
        self.settled()
        self._screen.touch(widget_id)
        self._screen.wait_for_view(then)

    def types(self, letters: str) -> None:
        """Type on the screen's own keys, each when the one before it has shown its effect."""
        for letter in letters:
            self._switches(f"key.{letter}")

    def enters(self, code: str) -> None:
        """Type a code of which the screen shows dots only, each key when the one before it has."""
        for count, digit in enumerate(code, 1):
            self.settled()
            self._screen.touch(f"key.{digit}")
            self._screen.wait(f"{count} dots", _shows_dots(count))

    def taps_text(self, prefix: str, text: str) -> None:
        """Touch the widget whose id begins with ``prefix`` and that says ``text``."""
        seen = self.settled()
        for widget in seen.touchables:
            if widget.id.startswith(prefix) and text in widget.text:
                self._switches(widget.id)
                return
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

    def settled(self, seconds: float = 15) -> Look:
        """Wait until nothing is drawn any more."""
        return self._screen.wait("a settled screen", _is_settled, seconds)

    def reads_all(self) -> str:
        """Return everything legible now."""
        seen = self._screen.look()
        return " ".join(seen.texts) if seen else ""

    def shoots(self, name: str) -> None:
        """Take one picture of the screen as it is."""
        self.settled()
        self._screen.shot(self._shots / f"{name}.png")

    def shoots_all(self, *scenes: str | Scene) -> None:
        """Take scenes in Chinese and English, normal and elder, by touching the tools."""
        for mode in MODES:
            for scene in scenes:
                self._shoots_scene(scene if isinstance(scene, Scene) else Scene(scene), mode)
        self._sets(MODES[0])

    def _shoots_scene(self, scene: Scene, mode: Mode) -> None:
        """Take the picture, and again if the screen was not in this mode before and after."""

        def is_right(seen: Look) -> bool:
            is_in_mode = (seen.language, seen.size) == (mode.language, mode.size)
            return is_in_mode and seen.widget(scene.proof) is not None

        for _ in range(ATTEMPTS):
            before = self._sets(mode)
            if scene.opened_by:
                before = self._switches(scene.opened_by, though_disabled=True)
            if not is_right(before):
                before = self._screen.wait(
                    f"{scene.proof} for {scene.name}",
                    lambda seen: seen.widget(scene.proof) is not None and _is_settled(seen),
                    scene.seconds,
                )
            self._screen.shot(self._shots / f"{scene.name}-{mode.name}.png")
            after = self._screen.look()
            if scene.left_by:
                self._switches(scene.left_by)
            if is_right(before) and after is not None and is_right(after):
                return
        raise StoryFailed(f"{scene.name} does not stay in {mode.name}")

    def _sets(self, mode: Mode) -> Look:
        """Touch the tools until the screen is in this mode."""
        seen = self.settled()
        for _ in range(2 * ATTEMPTS):
            if seen.language != mode.language:
                seen = self._switches("tool.language")
            elif seen.size != mode.size:
                seen = self._switches("tool.elder")
            else:
                return seen
        raise StoryFailed(f"the tools do not lead to {mode.name}")

    def _switches(self, widget_id: str, *, though_disabled: bool = False) -> Look:
        """Touch a widget and wait until what it changed is drawn."""
        self.settled()
        before = self._screen.touch(widget_id, though_disabled=though_disabled)
        return self._screen.wait(
            f"a change after {widget_id}",
            lambda seen: seen.screen > before.screen and _is_settled(seen),
        )

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


def _is_settled(seen: Look) -> bool:
    return time.monotonic() - seen.drawn_at > QUIET_SECONDS


def _shows_dots(count: int) -> Callable[[Look], bool]:
    return lambda seen: "".join(seen.texts).count(DOT) == count


def _wants_a_note(state: dict[str, Any]) -> bool:
    return bool(state["accepts_yuan"]) and state["phase"] == "idling"
