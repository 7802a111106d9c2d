"""How long a finger waits: press → something visible, release → the next view stands."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from firmware.demo.bench.figures import CouldNotMeasure, Figure, Limit, percentile, spread
from firmware.demo.bench.finger import Finger
from firmware.demo.kiosk import DeskKiosk
from firmware.demo.screen import Look, Widget

PRESS_METRIC = "press → visible, p95"
SWITCH_METRIC = "release → next view stands, p95"
PRESS_ROUNDS = 3
"""On five widgets of each of four views: 60 presses."""

SWITCH_ROUNDS = 7
"""Six switches each."""

FRAME = Limit("one frame at 60/s", 1000 / 60)

_WIDGETS_PER_VIEW = 5
_DWELL_SECONDS = 0.06
"""How long a finger rests on glass."""

_QUIET_SECONDS = 0.15
"""A view stands when nothing was drawn for this long: 4 frames."""

_PATIENCE_SECONDS = 3.0

_REST_SECONDS = 0.5
"""Between two touches; longer than the pause after which the screen builds ahead."""

_NO_MANS_LAND = (4, 4)
"""Sliding off to here takes a press back: nothing can be touched in the corner."""

_CARD = "test_a"


class Patient:
    """Touches one kiosk and times what comes of it; all times in milliseconds."""

    def __init__(self, kiosk: DeskKiosk, finger: Finger) -> None:
        self._screen = kiosk.screen
        self._finger = finger
        self._phase = random.Random(7)  # noqa: S311 - spreads touches over the frame, no secret

    def look(self, view: str) -> Look:
        """Return what is shown once this view stands still.

        Raises:
            CouldNotMeasure: another view is shown.
        """
        self._finger.last_change(_QUIET_SECONDS)
        seen = self._screen.look()
        if seen is None or seen.view != view:
            shown = "nothing" if seen is None else f"{seen.view} {seen.texts}"
            raise CouldNotMeasure(f"{view} should be up; the screen shows {shown}")
        return seen

    def wakes(self) -> None:
        """Touch the idle screen and wait out the guard after it."""
        self.switches(self.look("attract").touchables[0], "home")
        time.sleep(1.1)

    def presses(self, widget: Widget) -> float:
        """Press, see, slide off, lift; returns press → visible."""
        self._goes_to(widget)
        pressed = self._finger.press()
        seen = self._finger.sees(1)
        if seen is None:
            raise CouldNotMeasure(f"pressing {widget.id} showed nothing within 1 s")
        self._finger.last_change(_DWELL_SECONDS)
        self._finger.move(*_NO_MANS_LAND)
        self._finger.release()
        self._finger.last_change(_QUIET_SECONDS)
        return (seen - pressed) * 1000

    def switches(self, widget: Widget, then: str) -> float:
        """Touch and wait for the view ``then``; returns release → the last frame of the change."""
        self._goes_to(widget)
        self._finger.press()
        self._finger.last_change(_DWELL_SECONDS)
        released = self._finger.release()
        return (self._stands(then, released) - released) * 1000

    def _stands(self, view: str, since: float) -> float:
        """Return when the last frame was drawn before the screen stood still on this view."""
        stood = since
        while (left := since + _PATIENCE_SECONDS - time.monotonic()) > 0:
            seen = self._finger.sees(left)
            if seen is not None:
                stood = self._finger.last_change(_QUIET_SECONDS) or seen
            look = self._screen.look()
            if look is not None and look.view == view:
                return stood
        raise CouldNotMeasure(f"{view} was not up within {_PATIENCE_SECONDS:.0f} s")

    def _goes_to(self, widget: Widget) -> None:
        self._finger.move(widget.x + widget.w / 2, widget.y + widget.h / 2)
        time.sleep(_REST_SECONDS)
        self._finger.last_change(_QUIET_SECONDS)
        time.sleep(self._phase.uniform(0, 0.05))


def touches(
    kiosk: DeskKiosk,
    finger: Finger,
    say: Callable[[str], None],
    rounds: tuple[int, int] = (PRESS_ROUNDS, SWITCH_ROUNDS),
) -> list[Figure]:
    """Walk through the views of a registration; end on home, the card on the reader.

    Raises:
        CouldNotMeasure: a view did not come, or a press showed nothing.
    """
    patient = Patient(kiosk, finger)
    patient.wakes()
    kiosk.lab.act("id1", "lay_card", preset=_CARD)
    kiosk.screen.wait("the card's owner", lambda seen: any("测**" in one for one in seen.texts))
    switches: list[float] = []
    presses: list[float] = []
    press_rounds, switch_rounds = rounds
    for number in range(switch_rounds):
        say(f"screen switches, round {number + 1} of {switch_rounds}")
        first = number == 0
        switches += walk(patient, presses, say, press_rounds if first else 0)
    return [
        Figure(
            PRESS_METRIC,
            "ms",
            target=60,
            measured=percentile(presses, 95),
            limit=FRAME,
            detail=f"{spread(presses, 'ms')}; from XTEST press to DAMAGE of the window on the X "
            "server, software rendering, on home, department, doctor, slot",
        ),
        Figure(
            SWITCH_METRIC,
            "ms",
            target=100,
            measured=percentile(switches, 95),
            limit=FRAME,
            detail=f"{spread(switches, 'ms')}; through core and back, to the last frame drawn "
            "before the screen stands still",
        ),
    ]


def walk(
    patient: Patient, presses: list[float], say: Callable[[str], None], press_rounds: int
) -> list[float]:
    """From home to the slots and back; presses widgets of each view on the way.

    Returns how long each switch took, in milliseconds.
    """
    took: list[float] = []
    for view, choose, then in (
        ("home", _named("tile.register_today"), "department"),
        ("department", _first_row, "doctor"),
        ("doctor", _first_row, "slot"),
        ("slot", _named("button.back"), "doctor"),
        ("doctor", _named("button.back"), "department"),
        ("department", _named("button.back", "button.home"), "home"),
    ):
        seen = patient.look(view)
        if press_rounds and len(took) < 4:
            say(f"presses on {view}")
            for widget in _some(seen.touchables) * press_rounds:
                presses.append(patient.presses(widget))
        took.append(patient.switches(choose(seen), then))
    return took


def _some(widgets: Sequence[Widget]) -> list[Widget]:
    """Evenly chosen over the screen, so that different kinds are among them."""
    able = [widget for widget in widgets if widget.enabled]
    step = max(1, len(able) // _WIDGETS_PER_VIEW)
    return able[::step][:_WIDGETS_PER_VIEW]


def _named(*names: str) -> Callable[[Look], Widget]:
    def choose(seen: Look) -> Widget:
        for name in names:
            widget = seen.widget(name)
            if widget is not None and widget.enabled:
                return widget
        raise CouldNotMeasure(f"none of {', '.join(names)} on {seen.view}")

    return choose


def _first_row(seen: Look) -> Widget:
    for widget in seen.touchables:
        if widget.id.startswith("row.") and widget.enabled:
            return widget
    raise CouldNotMeasure(f"no row to touch on {seen.view}: {seen.texts}")
