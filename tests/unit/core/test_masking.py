"""What a bystander may read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.core.masking import mask_id_number, mask_name


@pytest.mark.parametrize(
    ("name", "masked"),
    [("张测试", "张**"), ("李演", "李*"), ("王", "*"), ("", "*"), ("欧阳测试", "欧***")],
)
def test_a_name_keeps_its_first_character_only(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("11010519491231002X", "110105********002X"),
        ("1234567890", "**********"),
        ("A123", "****"),
        ("", "*"),
    ],
)
def test_an_id_number_keeps_region_and_tail(number: str, masked: str) -> None:
    assert mask_id_number(number) == masked


@given(st.text(min_size=2, max_size=20))
def test_a_masked_name_holds_nothing_of_the_rest(name: str) -> None:
    masked = mask_name(name)
    assert set(masked[1:]) <= {"*"}


@given(st.from_regex(r"[0-9]{17}[0-9X]", fullmatch=True))
def test_the_birth_date_never_shows(number: str) -> None:
    assert mask_id_number(number)[6:14] == "********"
