"""A body that was laid out before anyone saw it shows exactly what a new one shows."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.messages.views import Language, Size
from tests.ui.sample_screens import Modes, every_screen
from tests.ui.stepping import LANDSCAPE, PORTRAIT, Stand, settle, widgets
from ui.theme.look import Geometry, Look
from ui.widgets.panels import Picture
from ui.widgets.touchable import Touchable
from ui.widgets.words import Words

MODES = {
    "portrait": (PORTRAIT, Modes()),
    "elder-landscape": (LANDSCAPE, Modes(Language.EN, Size.ELDER)),
}
SHOWN = ("home", "home_known", "identify", "department", "doctor", "slot", "confirm", "pay", "done")


def _seen(stand: Stand) -> list[tuple[Any, ...]]:
    """Everything a patient sees, where, and in which ink."""
    found: list[tuple[Any, ...]] = []
    for widget in widgets(stand.shell):
        place = (*widget.pos, *widget.size)
        match widget:
            case Words():
                found.append((widget.text, widget.spoken, widget.ink, place))
            case Picture():
                found.append((widget.name, widget.ink, place))
            case Touchable():
                found.append((widget.sid, widget.kind, widget.is_enabled, widget.speech, place))
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SHOWN)
def test_a_rehearsed_screen_is_the_same_screen(mode: str, name: str) -> None:
    geometry, modes = MODES[mode]
    screens = every_screen(modes)
    look = _look(geometry, screens)
    rehearsed = Stand(look)
    rehearsed.show(screens["attract"])
    while rehearsed.shell.build_next():
        settle(2)
    rehearsed.show(screens[name])
    fresh = Stand(look)
    fresh.show(screens[name])
    assert _seen(rehearsed) == _seen(fresh)


def _look(geometry: Geometry, screens: dict[str, Any]) -> Look:
    return Look(geometry).following(screens["home"].frame)
