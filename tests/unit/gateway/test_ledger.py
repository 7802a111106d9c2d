"""Double entry: what each fact moves, and that it always balances."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_forward.gateway import ledger
from store_forward.gateway.ledger import Posting

fen = st.integers(0, 10**8)


@given(fen, fen, fen)
def test_every_posting_sums_to_zero(amount: int, fee: int, excess: int) -> None:
    for postings in (
        ledger.note_credited("QH-01", "o", amount),
        ledger.note_credited("QH-01", None, amount),
        ledger.registration_paid("QH-01", "o", "P1", fee, excess),
        ledger.registration_cancelled("QH-01", "o", "slip", amount),
    ):
        assert sum(each.amount_fen for each in postings) == 0


def test_a_fee_without_excess_touches_no_account() -> None:
    assert ledger.registration_paid("QH-01", "o", "P1", 2000, 0) == (
        Posting("suspense:o", 2000),
        Posting("revenue:registration", -2000),
    )


def test_a_negative_amount_is_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="-5 fen"):
        ledger.note_credited("QH-01", "o", -5)
