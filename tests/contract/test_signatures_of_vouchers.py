"""The signed code on a slip, as another kiosk or the pharmacy scans it."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from store_forward.contract.vouchers import (
    MAX_VOUCHER_CHARS,
    BadVoucher,
    VoucherPayload,
    read_voucher,
    voucher_text,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))).public_key()

PAYLOAD = VoucherPayload(
    slip_code="A-0302-0042-K",
    order_id="0195537c-0000-7000-8000-000000000000",
    kiosk="QH-01",
    number=12,
    amount_fen=2000,
)


def test_a_voucher_comes_back_as_it_was_signed() -> None:
    assert read_voucher(voucher_text(PAYLOAD, KEY), PUBLIC) == PAYLOAD


def test_the_longest_kiosk_id_still_fits_the_symbol() -> None:
    longest = VoucherPayload("ABCD-0302-9999-K", PAYLOAD.order_id, "K" * 32, 999, 100_000)
    assert len(voucher_text(longest, KEY)) <= MAX_VOUCHER_CHARS


def test_a_voucher_too_long_for_the_symbol_is_refused_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="more than 250"):
        voucher_text(VoucherPayload("S" * 80, PAYLOAD.order_id, "K" * 32, 1, 1), KEY)


def test_a_voucher_of_another_kiosk_is_not_believed() -> None:
    with pytest.raises(BadVoucher, match="not signed by this kiosk"):
        read_voucher(voucher_text(PAYLOAD, KEY), OTHER)


@given(st.integers(0, 200), st.sampled_from("Ax0_-.="))
def test_no_altered_voucher_is_believed(at: int, sign: str) -> None:
    text = voucher_text(PAYLOAD, KEY)
    at %= len(text)
    altered = text[:at] + sign + text[at + 1 :]
    if altered == text:
        return
    try:
        # The last base64 digit of the signature has bits that mean nothing.
        assert read_voucher(altered, PUBLIC) == PAYLOAD
        assert at == len(text) - 1
    except BadVoucher:
        pass


@given(st.text(max_size=300))
def test_any_text_may_be_scanned(text: str) -> None:
    with pytest.raises(BadVoucher):
        read_voucher(text, PUBLIC)
