"""S1: when a session ends, no widget keeps what the patient was shown."""

from __future__ import annotations

import gc

import pytest

from tests.ui.sample_screens import every_screen
from tests.ui.stepping import Kiosk
from ui.widgets.words import Words

SCREENS = every_screen()
PRIVATE = ("王*", "阿卜杜", "110105", "A-1121", "F-1121", "李慧敏", "20.00", "10.00")


def _all_texts() -> list[str]:
    """Texts and speech of every label that is alive anywhere, shown or not."""
    gc.collect()
    found = []
    for thing in gc.get_objects():
        if type(thing) is Words:
            found += [thing.content, thing.text, thing.speech]
    return found


@pytest.mark.parametrize(
    "name",
    [
        "home_known",
        "identify_read",
        "confirm",
        "pay",
        "done",
        "cancelled",
        "case",
        "cancel_question",
    ],
)
def test_nothing_of_the_patient_is_left_after_the_session(name: str) -> None:
    kiosk = Kiosk()
    for shown in ("doctor", "slot", "confirm", name):
        kiosk.show(SCREENS[shown])
    kiosk.show(SCREENS["attract"])
    left = [text for text in _all_texts() if any(secret in text for secret in PRIVATE)]
    assert left == []


def test_nothing_of_the_patient_is_left_while_core_is_away() -> None:
    kiosk = Kiosk()
    kiosk.show(SCREENS["confirm"])
    kiosk.window.wait()
    assert not any(secret in text for text in kiosk.texts for secret in PRIVATE)


def test_a_session_that_ends_on_home_is_wiped_too() -> None:
    kiosk = Kiosk()
    kiosk.show(SCREENS["done"])
    kiosk.show(SCREENS["home"])
    left = [text for text in _all_texts() if any(secret in text for secret in PRIVATE)]
    assert left == []
