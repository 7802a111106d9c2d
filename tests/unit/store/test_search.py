from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_forward.contract.wire import Department, Text
from store_forward.store.search import DepartmentIndex, normalised


def department(
    code: str, zh: str, en: str, pinyin: str, initials: str, *keywords: str
) -> Department:
    return Department(code, Text(zh, en), Text("一楼", "F1"), pinyin, initials, keywords)


DEPARTMENTS = [
    department("101", "内科", "Internal Medicine", "neike", "nk", "头痛", "toutong", "tt", "发烧"),
    department("102", "心内科", "Cardiology", "xinneike", "xnk", "胸闷", "xiongmen", "xm"),
    department("201", "外科", "Surgery", "waike", "wk", "伤口"),
    department("301", "妇科", "Gynaecology", "fuke", "fk"),
    department("302", "儿科", "Paediatrics", "erke", "ek", "小儿发烧", "发烧"),
    department("401", "女性保健", "Women's Health", "nvxingbaojian", "nxbj"),
    department("501", "耳鼻喉科", "ENT", "erbihouke", "ebhk", "耳鸣", "头晕", "CT", "ct"),
]
INDEX = DepartmentIndex(DEPARTMENTS)


def codes(query: str, limit: int | None = None) -> list[str]:
    return [hit.department.code for hit in INDEX.search(query, limit).hits]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("101", "101"),
        ("内科", "101"),
        ("心内", "102"),
        ("neike", "101"),
        ("xinn", "102"),
        ("xnk", "102"),
        ("NK", "101"),
        ("nei ke", "101"),
        ("ｎｅｉｋｅ", "101"),
        ("nèikē", "101"),
        ("cardio", "102"),
        ("medicine", "101"),
        ("头痛", "101"),
        ("toutong", "101"),
        ("tt", "101"),
        ("胸", "102"),
        ("nüxing", "401"),
        ("nvxing", "401"),
        ("womens", "401"),
        ("喉", "501"),
    ],
)
def test_a_department_is_found_by_code_name_pinyin_initials_and_symptom(
    query: str, first: str
) -> None:
    found = INDEX.search(query)
    assert found.hits[0].department.code == first
    assert not found.suggested


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("neikr", "101"),
        ("niekE", "101"),
        ("nekie", "101"),
        ("neeike", "101"),
        ("waik3", "201"),
        ("xinneke", "102"),
        ("erbhouke", "501"),
        ("toutnog", "101"),
        ("erbiohu", "501"),
    ],
)
def test_one_typing_error_is_forgiven(query: str, first: str) -> None:
    found = INDEX.search(query)
    assert found.hits[0].department.code == first
    assert not found.suggested


def test_a_symptom_is_found_within_a_sentence() -> None:
    found = INDEX.search("我头痛三天了")
    assert [(hit.department.code, hit.matched) for hit in found.hits] == [("101", "头痛")]
    assert not found.suggested


def test_exact_comes_before_prefix_before_inside() -> None:
    assert codes("内科") == ["101", "102"]
    assert codes("ek")[0] == "302"
    assert codes("发烧") == ["101", "302"]


def test_the_matched_text_is_what_the_patient_knows() -> None:
    assert INDEX.search("toutong").hits[0].matched == "头痛"
    assert INDEX.search("xm").hits[0].matched == "胸闷"
    assert INDEX.search("ct").hits[0].matched == "CT"
    assert INDEX.search("nk").hits[0].matched == "内科"
    assert INDEX.search("101").hits[0].matched == "101"
    assert INDEX.search("surg").hits[0].matched == "Surgery"


def test_an_empty_query_lists_all_by_code() -> None:
    for query in ("", "  ", "-"):
        assert codes(query) == [one.code for one in DEPARTMENTS]
        assert not INDEX.search(query).suggested


def test_without_a_hit_there_are_offers_and_they_say_so() -> None:
    for query in ("qqqqqqq", "疼疼疼", "!?", "\n", "😀"):
        assert len(codes(query)) == len(DEPARTMENTS)
    assert INDEX.search("qqqqqqq").suggested
    dizzy = INDEX.search("晕乎乎")
    assert dizzy.suggested
    assert dizzy.hits[0].department.code == "501"


def test_no_departments_give_an_empty_answer() -> None:
    assert DepartmentIndex([]).search("nk").hits == ()
    assert DepartmentIndex([]).search("").hits == ()


def test_the_limit_bounds_hits_and_offers() -> None:
    assert len(codes("", 2)) == len(codes("科", 2)) == len(codes("qqqq", 2)) == 2


def test_tones_width_case_and_gaps_do_not_count() -> None:
    assert normalised(" Nǚ-Xìng ＡＢ１ ") == "nvxingab1"


@given(st.text(max_size=60))
def test_any_text_gives_an_answer_and_the_same_one_each_time(query: str) -> None:
    found = INDEX.search(query)
    assert found.hits
    shuffled = random.Random(1).sample(DEPARTMENTS, len(DEPARTMENTS))
    assert DepartmentIndex(shuffled).search(query) == found


@given(st.sampled_from(DEPARTMENTS), st.data())
def test_every_prefix_of_its_pinyin_finds_a_department(
    wanted: Department, data: st.DataObject
) -> None:
    length = data.draw(st.integers(1, len(wanted.pinyin)))
    assert wanted.code in codes(wanted.pinyin[:length])


def test_no_query_over_two_thousand_departments_ends_empty_or_endless() -> None:
    syllables = ["nei", "wai", "xin", "gu", "er", "bi", "hou", "kou", "pi", "fu", "zhong", "yi"]
    syllables += ["xiao", "hua", "shen", "jing"]
    signs = "内外心骨耳鼻喉口皮肤中医消化神经"
    chosen = random.Random(7)

    def word(length: int) -> tuple[str, str, str]:
        picks = [chosen.randrange(len(signs)) for _ in range(length)]
        spelt = [syllables[pick] for pick in picks]
        return "".join(signs[pick] for pick in picks), "".join(spelt), "".join(s[0] for s in spelt)

    many = []
    for number in range(2000):
        keywords = [form for _ in range(4) for form in word(2)]
        zh, pinyin, initials = word(3)
        many.append(department(f"D{number}", zh, f"Dept {number}", pinyin, initials, *keywords))
    index = DepartmentIndex(many)
    for query in ("n", "nk", "neiwai", "neiwwai", "内", "我心内不舒服", "zzzzzz", "疼", "x" * 60):
        found = index.search(query, 20)
        assert 0 < len(found.hits) <= 20, query
