"""What is told without being offered: a settled next step, and why a department was found."""

from __future__ import annotations

import msgspec
import pytest

from firmware.messages.views import DepartmentRow, DepartmentView, Language, Text
from tests.ui.sample_screens import Modes, every_screen
from tests.ui.stepping import Kiosk, widgets

DENTAL = Text("口腔科", "Dental clinic")
FLOOR = Text("门诊楼 4 层", "Floor 4")


def test_a_next_step_that_this_kiosk_cannot_take_is_told_and_not_a_button() -> None:
    kiosk = Kiosk()
    kiosk.show(every_screen()["home_told"])
    assert [w for w in widgets(kiosk.window) if getattr(w, "sid", "") == "next_action"] == []
    told = next(text for text in kiosk.texts if "您已挂号" in text)
    assert "10:20" in told
    assert "第 12 号" in told
    assert any("候诊地点" in text for text in kiosk.texts)


def test_a_next_step_that_can_be_taken_is_a_button_and_not_told_twice() -> None:
    kiosk = Kiosk()
    kiosk.show(every_screen()["home_told"])
    kiosk.show(every_screen()["home_known"])
    assert kiosk.find("next_action").is_enabled
    assert not any("您已挂号" in text for text in kiosk.texts)


def _texts_of(matched: str, language: Language) -> str:
    kiosk = Kiosk()
    screen = every_screen(Modes(language))["department"]
    rows = (DepartmentRow("KQK", DENTAL, FLOOR, matched),)
    kiosk.show(msgspec.structs.replace(screen, view=DepartmentView("x", rows, 0, 1)))
    return next(text for text in kiosk.texts if FLOOR.zh in text or FLOOR.en in text)


@pytest.mark.parametrize("matched", ["", "口腔科", "口腔", "KQK", "kqk", "kouqiang", "Dental"])
def test_a_match_that_the_name_explains_needs_no_word(matched: str) -> None:
    assert _texts_of(matched, Language.ZH) == FLOOR.zh
    assert _texts_of(matched, Language.EN) == FLOOR.en


def test_a_match_by_complaint_is_said_in_the_language_of_the_patient() -> None:
    assert _texts_of("牙痛", Language.ZH) == "门诊楼 4 层 · 可看“牙痛”"
    assert _texts_of("牙痛", Language.EN) == "Floor 4 · sees patients with: Toothache"
