"""Codes that survive being read aloud."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firmware.core.slip_codes import BadSlipCode, make_slip_code, serial_of

DAY = date(2026, 7, 13)
SERIALS = st.integers(0, 9999)


def test_the_code_names_kiosk_day_and_number() -> None:
    assert make_slip_code("A", DAY, 42).startswith("A-0713-0042-")


@given(SERIALS)
def test_the_number_can_be_read_back(serial: int) -> None:
    assert serial_of(make_slip_code("A1", DAY, serial)) == serial


@given(SERIALS)
def test_no_letter_can_be_taken_for_a_digit(serial: int) -> None:
    assert make_slip_code("A", DAY, serial)[-1] not in "IOZ"


@given(SERIALS, st.integers(2, 10), st.sampled_from("0123456789"))
def test_one_misread_digit_shows(serial: int, place: int, digit: str) -> None:
    code = make_slip_code("A", DAY, serial)
    assume(code[place] != "-")
    assume(code[place] != digit)
    with pytest.raises(BadSlipCode):
        serial_of(code[:place] + digit + code[place + 1 :])


@given(SERIALS)
def test_swapped_neighbours_show(serial: int) -> None:
    code = make_slip_code("A", DAY, serial)
    assume(code[9] != code[10])
    with pytest.raises(BadSlipCode):
        serial_of(code[:9] + code[10] + code[9] + code[11:])


@pytest.mark.parametrize("text", ["", "A", "A-0713-0042", "A-0713-00x2-K", "A-0713-²-K"])
def test_other_text_is_no_code(text: str) -> None:
    with pytest.raises(BadSlipCode):
        serial_of(text)
