"""Catalogues, formats, line breaks, fonts: everything that is said is complete and readable."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.messages.views import (
    IdentifyState,
    Language,
    Network,
    NoteState,
    Reason,
    Service,
    SlipState,
    TileState,
)
from tests.ui.stepping import FONTS
from ui.i18n.catalogue import MissingTextError, load_catalogue, parse_po
from ui.i18n.formats import spoken_time, spoken_yuan, whole_yuan, yuan
from ui.theme.fonts import extract_face
from ui.widgets.keypad import LONGEST_QUERY, typed
from ui.widgets.line_breaks import NOT_AT_END, NOT_AT_START, broken
from ui.widgets.pager import Part

CATALOGUES = {language: load_catalogue(language) for language in Language}


def _placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_catalogues_have_the_same_keys() -> None:
    assert CATALOGUES[Language.ZH].texts.keys() == CATALOGUES[Language.EN].texts.keys()


def test_both_catalogues_have_the_same_placeholders() -> None:
    zh, en = CATALOGUES[Language.ZH].texts, CATALOGUES[Language.EN].texts
    assert [k for k in zh if _placeholders(zh[k]) != _placeholders(en[k])] == []


@pytest.mark.parametrize("language", list(Language))
def test_every_enum_that_core_may_send_has_a_text(language: Language) -> None:
    keys = [f"{kind}.{r.value}" for kind in ("reason", "advice", "reason_short") for r in Reason]
    keys += [f"{kind}.{s.value}" for kind in ("service", "next") for s in Service]
    keys += [f"note.{n.value}{end}" for n in NoteState for end in ("", ".advice")]
    keys += [f"slip.{s.value}" for s in SlipState] + [f"tile.{t.value}" for t in TileState]
    keys += [f"identify.{s.value}{end}" for s in IdentifyState for end in ("", ".advice")]
    keys += [f"network.{n.value}" for n in Network]
    texts = CATALOGUES[language].texts
    empty = [key for key in keys if not texts.get(key) and not key.endswith(".none")]
    assert empty == []


def test_the_font_has_every_character_of_the_catalogues_and_of_rare_names() -> None:
    everything = "".join("".join(c.texts.values()) for c in CATALOGUES.values())
    assert FONTS.coverage.shown(everything) == everything
    assert FONTS.coverage.shown("喆堃玥䶮直令画房诊") == "喆堃玥䶮直令画房诊"


def test_a_character_without_a_glyph_is_shown_as_a_box() -> None:
    assert FONTS.coverage.shown("王\U0003fffd") == "王□"


def test_an_unknown_key_is_a_bug_and_says_which() -> None:
    with pytest.raises(MissingTextError, match=r"no\.such\.key"):
        CATALOGUES[Language.ZH].text("no.such.key")


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_po('msgid "a"\nmsgstr "1"\n\nmsgid "a"\nmsgstr "2"\n')


def test_texts_may_span_lines() -> None:
    assert parse_po('msgid "a"\nmsgstr ""\n"one "\n"two"\n') == {"a": "one two"}


def test_a_file_that_is_no_collection_is_refused() -> None:
    with pytest.raises(ValueError, match="ttcf"):
        extract_face(b"OTTO" + bytes(40), 2)


def test_amounts_always_have_unit_and_two_decimals() -> None:
    assert yuan(2000, Language.ZH) == "20.00元"
    assert yuan(5, Language.EN) == "¥0.05"
    assert yuan(123456789012, Language.ZH) == "1,234,567,890.12元"
    assert whole_yuan(10000, Language.ZH) == "100元"


def test_amounts_are_spoken_without_a_point_to_lose() -> None:
    assert spoken_yuan(1250, Language.ZH) == "12元5角"
    assert spoken_yuan(1205, Language.ZH) == "12元零5分"
    assert spoken_yuan(2000, Language.EN) == "20 yuan"


def test_times_are_spoken() -> None:
    assert spoken_time("10:05", Language.ZH) == "10点5分"
    assert spoken_time("09:00", Language.ZH) == "9点整"


@given(st.text("内科，。（）「」abc 12:", max_size=60), st.integers(4, 30))
def test_line_breaks_lose_nothing_and_keep_marks_where_they_belong(text: str, width: int) -> None:
    lines = broken(text, width, lambda part: float(len(part))).split("\n")
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    for line in lines[1:]:
        assert line[:1] not in NOT_AT_START
    for line in lines[:-1]:
        assert line[-1:] not in NOT_AT_END


def test_a_chinese_run_fills_the_line_after_a_space() -> None:
    def measure(part: str) -> float:
        return sum(1.0 if character.isascii() else 2.0 for character in part)

    assert broken("自 09:58 起网络中断", 14, measure) == "自 09:58 起网\n络中断"


def test_no_single_character_or_word_is_left_for_the_last_line() -> None:
    assert broken("取消后请到窗口领取现金。", 10, lambda part: float(len(part))) == (
        "取消后请到窗口领取\n现金。"
    )
    assert broken("please go on", 9, lambda part: float(len(part))) == "please\ngo on"


@given(st.lists(st.sampled_from(["A", "7", "delete", "clear"]), max_size=40))
def test_the_search_text_stays_within_its_length(keys: list[str]) -> None:
    text = ""
    for key in keys:
        text = typed(text, key)
        assert len(text) <= LONGEST_QUERY
    assert typed("nk", "delete") == "n"
    assert typed("nk", "clear") == ""


@given(st.integers(0, 30), st.integers(1, 6), st.integers(1, 4))
def test_paging_through_parts_shows_every_row_once(rows: int, capacity: int, pages: int) -> None:
    shown: list[int] = []
    part = Part(rows, capacity, 0, 0, pages)
    for _ in range(part.parts):
        shown += list(range(rows))[part.span]
        turned = part.turned(1)
        if turned is None:
            break
        part = Part(rows, capacity, turned, 0, pages)
    assert shown == list(range(rows))
    assert part.has_next == (pages > 1)
