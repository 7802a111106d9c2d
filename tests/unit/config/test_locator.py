"""The locator knows the line of every key, however TOML lets it be written."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from firmware.config.locator import KeyPath, locate_keys


def test_keys_of_tables_have_the_line_they_stand_on() -> None:
    lines = locate_keys("a = 1\n\n[t]\nb = 2 # c = 3\n  c = 4\n")
    assert lines == {("a",): 1, ("t",): 3, ("t", "b"): 4, ("t", "c"): 5}


def test_comments_that_look_like_keys_and_tables_are_skipped() -> None:
    lines = locate_keys("# a = 1\n# [t]\nb = '# not a comment' # [x]\nc = 3\n")
    assert lines == {("b",): 3, ("c",): 4}


def test_arrays_of_tables_are_counted() -> None:
    text = "[[d]]\nx = 1\n[[d]]\nx = 2\n[d.sub]\ny = 3\n[[d.list]]\n[[d.list]]\nz = 4\n"
    lines = locate_keys(text)
    assert lines[("d",)] == 1
    assert lines[("d", 0)] == 1
    assert lines[("d", 1)] == 3
    assert lines[("d", 1, "x")] == 4
    assert lines[("d", 1, "sub", "y")] == 6
    assert lines[("d", 1, "list", 0)] == 7
    assert lines[("d", 1, "list", 1, "z")] == 9


def test_multi_line_strings_move_the_lines_below_and_hide_their_content() -> None:
    text = 'a = """\nb = 1\n\\"""\n"""""\nc = \'\'\'\nd = 2\n\'\'\'\ne = 3\n'
    assert locate_keys(text) == {("a",): 1, ("c",): 5, ("e",): 8}


def test_dotted_and_quoted_keys_are_followed() -> None:
    lines = locate_keys('x . "y z".\'w\' = 1\n[a."b\\u0063"]\n"k=]" = "v]#"\nq = 1\n')
    assert lines[("x",)] == 1
    assert lines[("x", "y z", "w")] == 1
    assert lines[("a", "bc")] == 2
    assert lines[("a", "bc", "k=]")] == 3
    assert lines[("a", "bc", "q")] == 4


def test_inline_tables_and_arrays_give_their_elements_lines() -> None:
    text = (
        'd = [\n  { n = "a}", p = [1, 2] }, # one\n  { n = "b",\tp.q = 1 },\n]\ne = [ ]\nf = {}\n'
    )
    lines = locate_keys(text)
    assert lines[("d", 0, "n")] == 2
    assert lines[("d", 0, "p", 1)] == 2
    assert lines[("d", 1)] == 3
    assert lines[("d", 1, "p", "q")] == 3
    assert lines[("e",)] == 5
    assert lines[("f",)] == 6


def test_dates_numbers_and_truth_values_end_where_they_end() -> None:
    text = "a = 1979-05-27 07:32:00 # x\nb = [1e3, true,\n  -inf]\nc = 0x_1 \n".replace(
        "0x_1", "0x1"
    )
    lines = locate_keys(text)
    assert lines[("a",)] == 1
    assert lines[("b", 2)] == 3
    assert lines[("c",)] == 4


def test_a_text_without_keys_has_no_lines() -> None:
    assert locate_keys("") == {}
    assert locate_keys("# only a comment") == {}


def _paths(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    found = {path} if path else set()
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        if isinstance(child, dict | list):
            found |= _paths(child, (*path, key))
        else:
            found.add((*path, key))
    return found


_WORDS = st.sampled_from(["a", "b-1", '"c d"', "'e.f'", '"\\u00e9"'])
_VALUES = st.recursive(
    st.sampled_from(
        [
            "1",
            "-0.5",
            "true",
            '"x # y"',
            "'[z]'",
            '"""\nm\n"""',
            "'''\n]\n'''",
            '"\\""',
            "1979-05-27",
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner).map(lambda items: "[\n" + ",  # note\n".join([*items, ""]) + "]"),
        st.dictionaries(_WORDS, inner, max_size=3).map(
            lambda table: "{ " + ", ".join(f"{k} = {v}" for k, v in table.items()) + " }"
        ),
    ),
    max_leaves=8,
)
_TABLES = st.lists(
    st.tuples(
        st.sampled_from(["[t]", "[[l]]", "[l.s]", "[t.'u v']"]), st.dictionaries(_WORDS, _VALUES)
    )
)


@given(_TABLES)
def test_every_key_of_a_valid_text_is_found_and_no_other(
    tables: list[tuple[str, dict[str, str]]],
) -> None:
    text = "".join(
        f"{header}\n" + "".join(f"{key} = {value}\n" for key, value in body.items())
        for header, body in tables
    )
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # such as [t] twice: the locator only promises for valid texts
    lines = locate_keys(text)
    assert set(lines) == _paths(parsed)
    assert all(1 <= line <= text.count("\n") for line in lines.values())
