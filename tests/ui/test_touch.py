"""Fingers: what counts as a touch, and what is sent for it."""

from __future__ import annotations

import msgspec

from firmware.messages.intents import (
    Activity,
    ChooseDepartment,
    ChooseService,
    ChooseSlot,
    Confirm,
    FilterDoctors,
    Finish,
    ReallyCancel,
    Search,
    SetLanguage,
    Touch,
    TurnPage,
    Wake,
)
from firmware.messages.views import Language, Screen, Service
from tests.ui.sample_screens import Modes, every_screen, frame, home
from tests.ui.stepping import Finger, Kiosk
from ui.fingers import Fingers

SCREENS = every_screen()


def at(name: str) -> Kiosk:
    kiosk = Kiosk()
    kiosk.show(SCREENS[name])
    return kiosk


def test_a_tap_on_a_tile_chooses_its_service_and_names_the_screen_it_was_on() -> None:
    kiosk = at("home")
    kiosk.tap("tile.register_today")
    wanted = Touch(SCREENS["home"].number, ChooseService(Service.REGISTER_TODAY))
    assert wanted in kiosk.sent


def test_a_closed_tile_can_be_touched_so_that_core_can_say_why() -> None:
    kiosk = at("home")
    kiosk.tap("tile.print")
    assert kiosk.intents == [ChooseService(Service.PRINT)]


def test_nothing_is_sent_before_the_finger_is_lifted() -> None:
    kiosk = at("home")
    kiosk.finger_on("tile.register_today")
    assert kiosk.intents == []
    assert kiosk.find("tile.register_today").is_pressed


def test_sliding_off_cancels() -> None:
    kiosk = at("home")
    kiosk.finger_on("tile.register_today").move(10, 10).up()
    assert kiosk.intents == []
    assert not kiosk.find("tile.register_today").is_pressed


def test_what_was_tapped_looks_pressed_until_it_is_answered() -> None:
    kiosk = at("department")
    kiosk.tap("row.NK")
    row = kiosk.find("row.NK")
    assert row.is_pressed
    kiosk.show(SCREENS["doctor"])
    assert not row.is_pressed


def test_a_key_can_be_tapped_again_while_it_still_looks_pressed() -> None:
    kiosk = at("department")
    kiosk.tap("key.A")
    assert kiosk.find("key.A").is_pressed
    kiosk.tap("key.A")
    assert kiosk.intents == [Search("nka"), Search("nka")]


def test_a_trembling_finger_still_means_it() -> None:
    kiosk = at("home")
    tile = kiosk.find("tile.register_today")
    finger = Finger(kiosk.window, tile.x + 2, tile.center_y).down()
    finger.move(tile.x - 25, tile.center_y).up()
    assert kiosk.intents == [ChooseService(Service.REGISTER_TODAY)]


def test_a_second_finger_is_ignored_while_the_first_is_down() -> None:
    kiosk = at("home")
    first = kiosk.finger_on("tile.register_today")
    kiosk.tap("tile.check_in")
    first.up()
    assert kiosk.intents == [ChooseService(Service.REGISTER_TODAY)]


def test_the_first_tap_only_wakes_wherever_it_lands() -> None:
    kiosk = at("attract")
    kiosk.tap_at(300, 1000)
    assert kiosk.intents == [Wake()]


def test_taps_right_after_waking_start_nothing() -> None:
    kiosk = at("attract")
    kiosk.tap_at(300, 1000)
    kiosk.show(SCREENS["home"])
    kiosk.now += 0.3
    kiosk.tap("tile.register_today")
    assert kiosk.intents == [Wake()]
    kiosk.now += 0.4
    kiosk.tap("tile.register_today")
    assert kiosk.intents == [Wake(), ChooseService(Service.REGISTER_TODAY)]


def test_another_committing_button_elsewhere_is_meant_however_quick_the_finger() -> None:
    kiosk = Kiosk()
    kiosk.show(SCREENS["slot"])
    kiosk.tap("row.S0")
    kiosk.now += 0.3
    kiosk.show(SCREENS["confirm"])
    kiosk.tap("button.confirm")
    assert kiosk.intents == [ChooseSlot("S0"), Confirm()]


def test_a_double_tap_does_not_press_the_button_that_came_to_lie_under_it() -> None:
    fingers = Fingers().sent(ReallyCancel(), 10.0, (130.0, 80.0))
    assert not fingers.may_send(Finish(), 10.3, (135.0, 90.0))
    assert fingers.may_send(Finish(), 10.6, (135.0, 90.0))


def test_a_second_tap_on_a_committing_button_within_half_a_second_is_ignored() -> None:
    kiosk = at("confirm")
    kiosk.tap("button.confirm")
    kiosk.now += 0.49
    kiosk.tap("button.confirm")
    assert kiosk.intents == [Confirm()]
    kiosk.now += 0.6
    kiosk.tap("button.confirm")
    assert kiosk.intents == [Confirm(), Confirm()]


def test_typing_fast_loses_no_key() -> None:
    kiosk = at("department")
    for key in ("A", "B"):
        kiosk.tap(f"key.{key}")
    assert kiosk.intents == [Search("nka"), Search("nkb")]


def test_a_touch_beside_everything_tells_core_that_someone_is_there_once_a_second() -> None:
    kiosk = at("home")
    for _ in range(3):
        kiosk.tap_at(5, 1000)
        kiosk.now += 0.4
    assert [touch.intent for touch in kiosk.sent] == [Activity()]
    kiosk.now += 1
    kiosk.tap_at(5, 1000)
    assert len(kiosk.sent) == 2


def test_the_minute_may_change_under_the_finger() -> None:
    kiosk = at("confirm")
    finger = kiosk.finger_on("button.confirm")
    later = SCREENS["confirm"]
    ticked = msgspec.structs.replace(
        later, number=77, frame=msgspec.structs.replace(later.frame, time="10:13")
    )
    kiosk.show(ticked)
    finger.up()
    assert Touch(77, Confirm()) in kiosk.sent


def test_a_finger_on_a_screen_that_is_gone_means_nothing() -> None:
    kiosk = at("confirm")
    finger = kiosk.finger_on("button.confirm")
    kiosk.show(SCREENS["home"])
    finger.up()
    assert kiosk.intents == []


def test_what_lies_under_a_question_cannot_be_touched() -> None:
    kiosk = at("time_out")
    button = kiosk.find("button.confirm")
    kiosk.tap_at(button.center_x, button.y + 5)
    assert Confirm() not in kiosk.intents


def test_rows_and_pages_of_a_list() -> None:
    kiosk = at("department")
    kiosk.tap("row.NK")
    kiosk.tap("button.next")  # the rest of core's page, which is longer than the screen
    kiosk.tap("row.ZYK")
    kiosk.tap("button.next")
    assert kiosk.intents == [ChooseDepartment("NK"), ChooseDepartment("ZYK"), TurnPage(1)]


def test_coming_back_to_a_page_shows_its_end() -> None:
    kiosk = at("department")
    shown = SCREENS["department"]
    kiosk.show(msgspec.structs.replace(shown, view=msgspec.structs.replace(shown.view, page=1)))
    kiosk.show(shown)
    assert "中医科" in kiosk.texts
    kiosk.tap("button.previous")
    assert "内科" in kiosk.texts
    assert kiosk.intents == []


def test_a_chosen_filter_is_taken_back_by_touching_it_again() -> None:
    kiosk = at("doctor")
    kiosk.tap("chip.title.0")
    kiosk.tap("chip.title.1")
    assert kiosk.intents == [FilterDoctors(None, None), FilterDoctors(1, None)]


def test_the_language_button_asks_for_the_other_language() -> None:
    kiosk = at("home")
    kiosk.tap("tool.language")
    assert kiosk.intents == [SetLanguage(Language.EN)]


def test_switching_the_language_keeps_what_was_typed() -> None:
    kiosk = at("department")
    english = every_screen(Modes(Language.EN))["department"]
    kiosk.show(english)
    assert "NK" in kiosk.texts
    assert "Choose a department" in kiosk.texts
    assert "请选择科室" not in kiosk.texts


def test_while_core_is_away_nothing_can_be_touched_and_the_place_comes_back() -> None:
    kiosk = at("confirm")
    kiosk.window.wait()
    kiosk.tap_at(540, 900)
    assert kiosk.sent == []
    assert kiosk.texts == ["请稍候", "马上就好，您的进度已保存。"]
    kiosk.show(SCREENS["confirm"])
    kiosk.tap("button.confirm")
    assert kiosk.intents == [Confirm()]


def test_elder_mode_reaches_every_tile_by_pages() -> None:
    from firmware.messages.views import Size

    modes = Modes(size=Size.ELDER)
    kiosk = Kiosk()
    kiosk.show(Screen(1, frame(modes), home()))
    seen = set()
    for _ in range(3):
        seen |= {w.sid for w in kiosk.window.walk() if getattr(w, "sid", "").startswith("tile.")}
        kiosk.tap("button.next")
    assert seen == {f"tile.{service.value}" for service in Service}
