"""From a slip document over ESC/POS bytes to what an independent printer puts on paper."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.receipt_printer.document import (
    COLUMNS,
    Align,
    Columns,
    Cut,
    Feed,
    Line,
    Part,
    Qr,
    Rule,
    SlipDocument,
)
from devices.receipt_printer.emulator import EscposEmulator
from devices.receipt_printer.encoder import columns_of, encode, side_by_side, wrap
from devices.receipt_printer.paper import QrRow, TextRow
from devices.receipt_printer.printed_slip import PrintedSlip


def printed(*parts: Part) -> PrintedSlip:
    machine = EscposEmulator(dots_per_second=1e9)
    machine.receive(encode(SlipDocument(parts)), 0.0)
    machine.tick(1.0)
    (slip,) = machine.slips
    assert slip.notes == []
    return slip


def test_chinese_goes_as_gb18030_in_chinese_mode() -> None:
    data = encode(SlipDocument((Line("门诊挂号凭条"),)))
    assert data.startswith(b"\x1b@\x1c&")
    assert bytes.fromhex("c3c5d5efb9d2bac5c6beccf5") in data


@pytest.mark.parametrize("text", ["￥12", "12.00元", "𠮷龘囧", "é ñ ü", "补打 Copy"])
def test_characters_that_other_encoders_lose_arrive(text: str) -> None:
    assert printed(Line(text)).text == text


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=60))
def test_all_of_unicode_arrives(text: str) -> None:
    slip = printed(Line(text or "x"))
    assert slip.text.replace("\n", "") == (text or "x")


def test_control_characters_cannot_reach_the_printer() -> None:
    assert printed(Line("a\x1b@b\x10\x04\x01c")).text == "a @b   c"


def test_styles_arrive() -> None:
    row = next(
        row
        for row in printed(Line("标题", bold=True, size=2, align=Align.CENTER)).rows
        if isinstance(row, TextRow)
    )
    (run,) = row.runs
    assert (run.style.is_bold, run.style.width, run.style.height, row.align) == (True, 2, 2, 1)


def test_style_does_not_leak_into_the_next_part() -> None:
    rows = printed(Line("大", bold=True, size=3), Columns("左", "右")).rows
    last = [row for row in rows if isinstance(row, TextRow)][-1]
    assert {(run.style.is_bold, run.style.width) for run in last.runs} == {(False, 1)}


def test_a_label_and_its_value_stand_at_the_edges() -> None:
    line = printed(Columns("应付", "20.00元")).text
    assert line.startswith("应付")
    assert line.endswith("20.00元")
    assert columns_of(line) == COLUMNS


def test_a_value_that_does_not_fit_moves_to_the_next_line_flush_right() -> None:
    lines = side_by_side("地址" * 10, "北京市朝阳区" * 3, 48)
    assert len(lines) == 2
    assert columns_of(lines[1]) == 48


def test_the_qr_code_carries_its_content_and_is_centred() -> None:
    slip = printed(Qr("OP1:测试", module_dots=5))
    row = next(row for row in slip.rows if isinstance(row, QrRow))
    assert (row.data.decode(), row.module_dots, row.align) == ("OP1:测试", 5, 1)


def test_a_slip_is_cut_even_when_the_document_forgets_to() -> None:
    assert printed(Line("x")).is_complete
    assert len(printed(Line("x"), Cut()).rows) == len(printed(Line("x")).rows)


def test_rules_and_blank_lines_arrive() -> None:
    assert printed(Line("a"), Feed(2), Rule()).text.splitlines()[-1] == "-" * COLUMNS


@given(st.text(max_size=200), st.sampled_from([16, 24, 48]))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(text: str, columns: int) -> None:
    lines = wrap(text, columns)
    assert all(columns_of(line) <= columns for line in lines)
    kept = "".join(lines).replace(" ", "")
    assert kept == "".join(c for c in text if c.isprintable()).replace(" ", "")


def test_words_stay_whole_and_closing_punctuation_does_not_start_a_line() -> None:
    lines = wrap("请凭本凭条就诊。Registered at this kiosk, thank you.", 14)
    assert all(not line.startswith("。") for line in lines)
    assert "at this kiosk," in lines


@pytest.mark.parametrize("part", [lambda: Feed(0), lambda: Qr(""), lambda: Qr("x" * 5000)])
def test_impossible_parts_are_refused(part: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="not"):
        part()


def test_the_picture_of_a_slip_is_a_png_as_wide_as_the_paper() -> None:
    slip = printed(Line("门诊挂号凭条", size=2), Qr("OP1"), Columns("a", "b"))
    picture = slip.render_png()
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    assert 640 <= width <= 700
    assert height > 200
    assert picture == slip.render_png()


@given(st.binary(max_size=300))
def test_the_emulator_survives_any_bytes(data: bytes) -> None:
    machine = EscposEmulator(dots_per_second=1e9)
    machine.receive(data, 0.0)
    machine.receive(b"\x1b@" + b"\n" * 5, 1.0)
    machine.tick(2.0)
