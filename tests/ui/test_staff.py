"""Staff at the screen: a code of which only dots are seen, then what needs a person."""

from __future__ import annotations

import gc
from typing import Any, get_args

import msgspec
import pytest

from firmware.core import staff_code, staff_screens
from firmware.messages.intents import (
    CallStaff,
    CloseHelp,
    EnterStaffCode,
    GoHome,
    OpenStaff,
    TurnPage,
)
from firmware.messages.staff import Doubt, MatterState, StaffCodeState, StaffCodeView
from firmware.messages.views import AttractView, Language, Screen, Size, View
from store_forward.contract.facts import Fact
from store_forward.store.sending.matters import PURGED
from tests.ui import sample_staff
from tests.ui.sample_screens import Modes, every_screen, frame
from tests.ui.sample_staff import LOCKED, ROWS, UNCERTAIN, WRONG
from tests.ui.stepping import Kiosk, widgets
from ui.i18n.catalogue import load_catalogue
from ui.screens.matters import told
from ui.screens.staff import ROWS_A_PAGE
from ui.screens.staff_code import DOT, LONGEST_CODE, SHORTEST_CODE, StaffCodeBody
from ui.widgets.panels import Picture
from ui.widgets.words import Words

CODE = "402913"


def shown(view: View, number: int = 1, **changes: object) -> Screen:
    return Screen(number, frame(**{"can_go_home": True, **changes}), view)  # type: ignore[arg-type]


@pytest.fixture
def kiosk() -> Kiosk:
    kiosk = Kiosk()
    kiosk.show(shown(StaffCodeView()))
    return kiosk


def types(kiosk: Kiosk, code: str) -> None:
    for digit in code:
        kiosk.tap(f"key.{digit}")


def dots(kiosk: Kiosk) -> int:
    return sum(text.count(DOT) for text in kiosk.texts)


def says(kiosk: Kiosk, words: str) -> bool:
    return any(words in text for text in kiosk.texts)


def held_anywhere(code: str) -> list[str]:
    """Texts and speech alive anywhere that hold the code, and bodies that still know it."""
    gc.collect()
    found = []
    for thing in gc.get_objects():
        if type(thing) is Words:
            found += [thing.content, thing.text, thing.speech]
        elif type(thing) is StaffCodeBody:
            found += [value for value in vars(thing).values() if isinstance(value, str)]
    return [text for text in found if code in text.replace(" ", "")]


# --- the way in ---------------------------------------------------------------------------------


def test_calling_staff_comes_first_and_the_way_in_for_staff_last() -> None:
    kiosk = Kiosk()
    kiosk.show(every_screen()["help_staff"])
    call, close, entry = (
        kiosk.find(f"button.{name}") for name in ("call_staff", "close_help", "open_staff")
    )
    assert call.y > close.y > entry.y
    assert (call.kind, entry.kind) == ("primary", "weak")
    for sid in ("button.call_staff", "button.close_help", "button.open_staff"):
        kiosk.tap(sid)
    assert kiosk.intents == [CallStaff(), CloseHelp(), OpenStaff()]


def test_patients_who_are_being_served_see_no_way_in_for_staff() -> None:
    kiosk = Kiosk()
    kiosk.show(every_screen()["help"])
    assert not says(kiosk, "工作人员入口")


# --- the code -----------------------------------------------------------------------------------


def test_a_typed_digit_is_a_dot_and_nothing_else(kiosk: Kiosk) -> None:
    before = {id(widget) for widget in widgets(kiosk.window)}
    keys = [(w.sid, w.spoken) for w in widgets(kiosk.window) if hasattr(w, "spoken") and _sid(w)]
    types(kiosk, CODE)
    assert dots(kiosk) == len(CODE)
    assert {id(widget) for widget in widgets(kiosk.window)} == before
    said = [w for w in widgets(kiosk.window) if isinstance(w, Words) and DOT in w.content]
    assert [(w.content, w.spoken) for w in said] == [(" ".join(DOT * 6), "已输入 6 位")]
    # The keys still say what they are, and nothing but them has changed.
    after = [(w.sid, w.spoken) for w in widgets(kiosk.window) if hasattr(w, "spoken") and _sid(w)]
    assert after == keys


def _sid(widget: Any) -> str:
    return str(getattr(widget, "sid", ""))


def test_confirm_sends_the_code_exactly_once(kiosk: Kiosk) -> None:
    types(kiosk, CODE)
    kiosk.tap("button.enter_code")
    kiosk.tap("button.enter_code")
    assert kiosk.intents == [EnterStaffCode(CODE)]
    assert dots(kiosk) == 0


def test_typing_alone_sends_nothing_but_signs_of_life(kiosk: Kiosk) -> None:
    types(kiosk, CODE)
    assert kiosk.intents == []
    assert kiosk.sent != []


@pytest.mark.parametrize("code", ["", "4", "40291"])
def test_too_short_a_code_cannot_be_confirmed(kiosk: Kiosk, code: str) -> None:
    types(kiosk, code)
    assert kiosk.find("button.enter_code").is_enabled is False
    kiosk.tap("button.enter_code")
    assert kiosk.intents == []
    assert dots(kiosk) == len(code)


def test_digits_beyond_the_longest_code_are_not_taken(kiosk: Kiosk) -> None:
    types(kiosk, "1234567890123")
    kiosk.tap("button.enter_code")
    assert kiosk.intents == [EnterStaffCode("123456789012")]


def test_delete_takes_the_last_digit_and_clear_takes_all(kiosk: Kiosk) -> None:
    types(kiosk, "999")
    kiosk.tap("key.clear")
    types(kiosk, f"{CODE}7")
    kiosk.tap("key.delete")
    kiosk.tap("button.enter_code")
    assert kiosk.intents == [EnterStaffCode(CODE)]


def test_the_minute_that_goes_by_takes_no_digit_away(kiosk: Kiosk) -> None:
    types(kiosk, "402")
    kiosk.show(shown(StaffCodeView(), 2, time="10:13"))
    types(kiosk, "913")
    kiosk.tap("button.enter_code")
    assert kiosk.intents == [EnterStaffCode(CODE)]


def test_nothing_of_the_code_is_left_once_it_was_sent(kiosk: Kiosk) -> None:
    types(kiosk, CODE)
    assert held_anywhere(CODE) == [CODE]  # by the body alone
    kiosk.tap("button.enter_code")
    kiosk.sent.clear()
    assert held_anywhere(CODE) == []


@pytest.mark.parametrize(
    "after",
    [
        shown(AttractView(), 2),
        shown(WRONG, 2),
        shown(sample_staff.staff(), 2),
        every_screen(Modes(size=Size.ELDER))["staff_code"],
        every_screen(Modes(Language.EN))["staff_code"],
    ],
    ids=["left", "wrong", "let in", "elder", "English"],
)
def test_nothing_of_a_half_typed_code_is_left_afterwards(kiosk: Kiosk, after: Screen) -> None:
    types(kiosk, CODE)
    kiosk.show(after)
    assert held_anywhere(CODE) == []
    kiosk.show(shown(StaffCodeView(), 3))
    assert dots(kiosk) == 0


def test_nothing_of_the_code_is_left_while_core_is_away(kiosk: Kiosk) -> None:
    types(kiosk, CODE)
    kiosk.window.wait()
    assert held_anywhere(CODE) == []


def test_a_wrong_code_says_how_often_and_whom_to_ask(kiosk: Kiosk) -> None:
    kiosk.show(shown(WRONG, 2))
    assert says(kiosk, "口令不正确，还可再试 3 次")
    assert says(kiosk, "忘记口令请联系运维工程师")
    types(kiosk, CODE)
    kiosk.tap("button.enter_code")
    assert kiosk.intents == [EnterStaffCode(CODE)]


def test_a_locked_pad_sends_nothing_and_says_for_how_long(kiosk: Kiosk) -> None:
    types(kiosk, "4029")
    kiosk.show(shown(LOCKED, 2))
    assert says(kiosk, "请 5 分钟后再试")
    types(kiosk, CODE)
    kiosk.tap("button.enter_code")
    assert (kiosk.intents, dots(kiosk)) == ([], 0)
    assert kiosk.find("key.5").is_enabled is False
    kiosk.show(shown(StaffCodeView(), 3))
    assert kiosk.find("key.5").is_enabled is True


def test_every_state_of_the_code_has_its_own_words() -> None:
    assert {view.state for view in (StaffCodeView(), WRONG, LOCKED)} == set(StaffCodeState)


def test_the_pad_takes_what_core_takes_for_a_code() -> None:
    salt = bytes(16)
    for length in (SHORTEST_CODE, LONGEST_CODE):
        staff_code.hash_code("1" * length, salt)
    for length in (SHORTEST_CODE - 1, LONGEST_CODE + 1):
        with pytest.raises(staff_code.NoCode):
            staff_code.hash_code("1" * length, salt)


# --- what needs a person ------------------------------------------------------------------------


def test_a_card_says_what_how_much_which_slip_and_what_to_do() -> None:
    kiosk = Kiosk()
    kiosk.show(shown(sample_staff.staff((UNCERTAIN,))))
    for words in (
        *("款项待核实", "20.00元", "待核实", "凭条号 A-0713-0008-M · 07-13 09:20"),
        *("处理办法：", "尚未告知 HIS，联网后自动上报", "第 7 条 · note_uncertain"),
        "待上报 HIS 4 条，最早 07-13 06:30",
    ):
        assert says(kiosk, words), words


def test_what_is_not_known_is_left_out() -> None:
    gone = told(sample_staff.GONE, load_catalogue(Language.ZH))
    assert (gone.amount.text, gone.slip.text, gone.unknown.text) == ("", "", "")
    assert (gone.what.text, gone.entry.text) == ("已清理的记录", "第 3 条")
    assert "凭条" not in gone.advice.text


def test_codes_amounts_and_dates_are_spoken_so_that_they_are_understood() -> None:
    card = told(UNCERTAIN, load_catalogue(Language.ZH))
    assert card.amount.speech == "20元"
    assert card.slip.speech == "凭条号 A 0 7 1 3 0 0 0 8 M, 7月13日 9点20分"
    assert card.entry.speech == "第 7 条, note uncertain"
    english = told(UNCERTAIN, load_catalogue(Language.EN))
    assert english.slip.speech == "Slip A 0 7 1 3 0 0 0 8 M, 13 July 09:20"


def test_each_state_has_a_picture_and_words_of_its_own() -> None:
    catalogue = load_catalogue(Language.ZH)
    with_slip = [msgspec.structs.replace(row, slip_code="A-0713-0008-M") for row in ROWS]
    cards = [told(row, catalogue) for row in with_slip]
    assert {row.state for row in ROWS} == set(MatterState)
    assert len({card.picture for card in cards}) == len(MatterState)
    assert len({card.state.text for card in cards}) == len(MatterState)
    assert len({card.advice.text for card in cards}) == len(MatterState)


@pytest.mark.parametrize("language", list(Language))
def test_every_kind_of_entry_has_a_name(language: Language) -> None:
    kinds = [str(fact.__struct_config__.tag) for fact in get_args(Fact)]
    texts = load_catalogue(language).texts
    assert [kind for kind in (*kinds, PURGED) if not texts.get(f"kind.{kind}")] == []
    assert [doubt for doubt in Doubt if doubt and not texts.get(f"doubt.{doubt.value}")] == []


def test_pages_are_turned_in_parts_and_then_at_core() -> None:
    kiosk = Kiosk()
    kiosk.show(shown(sample_staff.staff(count=20, pages=4)))
    assert says(kiosk, "1–3")
    kiosk.tap("button.next")
    assert (says(kiosk, "4–6"), kiosk.intents) == (True, [])
    kiosk.tap("button.next")
    assert kiosk.intents == [TurnPage(1)]
    kiosk.show(shown(sample_staff.staff(ROWS[:2], count=20, page=3, pages=4), 2))
    assert says(kiosk, "19–20")
    kiosk.tap("button.previous")
    assert kiosk.intents == [TurnPage(1), TurnPage(2)]


def test_a_page_is_counted_as_core_counts_it() -> None:
    assert ROWS_A_PAGE == staff_screens.MATTERS_A_PAGE


def test_more_than_can_be_shown_is_said() -> None:
    kiosk = Kiosk()
    kiosk.show(every_screen()["staff_last_page"])
    assert says(kiosk, "共 75 项，显示最近 60 项")
    kiosk.show(shown(sample_staff.staff(), 99))
    assert "共 6 项，最近的在前" in kiosk.texts
    kiosk.show(shown(sample_staff.staff((UNCERTAIN,)), 100))
    assert "共 1 项" in kiosk.texts


def test_nothing_to_do_is_a_calm_picture_unless_the_journal_is_in_doubt() -> None:
    kiosk = Kiosk()
    kiosk.show(every_screen()["staff_empty"])
    assert says(kiosk, "没有需要处理的事项")
    assert says(kiosk, "已全部上报 HIS")
    assert _pictures(kiosk).count("success") == 2
    kiosk.show(every_screen()["staff_doubt"])
    assert says(kiosk, "已停止办理新业务")
    assert says(kiosk, "运维工程师")
    assert "success" not in _pictures(kiosk)


def _pictures(kiosk: Kiosk) -> list[str]:
    return [w.name for w in widgets(kiosk.window) if isinstance(w, Picture) and w.name]


def test_leaving_sends_home_and_leaves_no_slip_code_behind() -> None:
    kiosk = Kiosk()
    kiosk.show(shown(sample_staff.staff()))
    assert kiosk.find("button.home").content == "退出"
    kiosk.tap("button.home")
    assert kiosk.intents == [GoHome()]
    kiosk.show(shown(AttractView(), 2))
    gc.collect()
    alive = [thing for thing in gc.get_objects() if type(thing) is Words]
    held = [text for words in alive for text in (words.content, words.text, words.speech)]
    assert [text for text in held if "A-0713" in text or "A 0 7 1 3" in text] == []
