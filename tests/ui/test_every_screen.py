"""What stands on every screen, whatever it is about."""

from __future__ import annotations

import pytest

from firmware.messages.intents import Activity, OpenHelp, SetLanguage
from firmware.messages.views import Language
from tests.ui.sample_screens import Modes, every_screen
from tests.ui.stepping import Kiosk

EMERGENCIES = {
    Language.ZH: "急诊病人请直接前往急诊科",
    Language.EN: "Emergency",
}

QUESTIONS = {
    *("help", "help_called", "help_staff", "help_staff_called"),
    *("time_out", "cancel_question", "notice"),
}
"""These lie over a screen and are answered before anything else."""


@pytest.mark.parametrize("language", list(Language))
def test_emergencies_are_sent_to_the_emergency_department(language: Language) -> None:
    kiosk = Kiosk()
    without = []
    for name, screen in every_screen(Modes(language)).items():
        kiosk.show(screen)
        if not any(EMERGENCIES[language] in text for text in kiosk.texts):
            without.append(name)
    assert without == []


def test_help_and_the_other_language_are_one_touch_away() -> None:
    kiosk = Kiosk()
    for name, screen in every_screen().items():
        if name in QUESTIONS or name == "attract":  # where the first touch only wakes
            continue
        kiosk.sent.clear()
        kiosk.show(screen)
        kiosk.tap("tool.help")
        kiosk.tap("tool.language")
        wanted = [touch.intent for touch in kiosk.sent if not isinstance(touch.intent, Activity)]
        assert wanted == [OpenHelp(), SetLanguage(Language.EN)], name
