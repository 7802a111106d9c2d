"""What the slips say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devices.receipt_printer.document import Columns, Cut, Line, Qr, SlipDocument
from devices.receipt_printer.encoder import encode
from firmware.core.slips import (
    CaseSlip,
    RefundSlip,
    RegistrationSlip,
    Slip,
    SlipHead,
    compose,
    yuan,
)
from store_forward.contract.vouchers import VoucherPayload

HEAD = SlipHead(
    clinic="青禾镇分院",
    kiosk="kiosk-7",
    printed_at="2026-07-13 09:30",
    clock_trusted=True,
    copy=0,
    slip_code="A-0713-0042-K",
    order_id="order-1",
    patient_name="张**",
    id_number="110105********002X",
    verified=True,
)
REGISTRATION = RegistrationSlip(
    head=HEAD,
    department="内科",
    doctor="甲一心",
    title="主任医师",
    location="一楼东 101诊室",
    day="07-13",
    number=12,
    start="10:00",
    end="10:10",
    fee_fen=3000,
    paid_fen=5000,
    excess_fen=2000,
    provisional=False,
)
REFUND = RefundSlip(head=HEAD, owed_fen=2000)
CASE = CaseSlip(head=HEAD, uncertain_fen=2000, owed_fen=1000)


def sign(payload: VoucherPayload) -> str:
    return f"{payload.slip_code}|{payload.number}|{payload.amount_fen}|{payload.state}"


def words(slip: Slip) -> str:
    return text_of(compose(slip, sign))


def text_of(document: SlipDocument) -> str:
    lines = []
    for part in document.parts:
        match part:
            case Line(text=text):
                lines.append(text)
            case Columns(left=left, right=right):
                lines.append(f"{left} {right}")
            case Qr(data=data):
                lines.append(f"QR:{data}")
            case _:
                pass
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("fen", "text"),
    [(0, "0.00元"), (5, "0.05元"), (2000, "20.00元"), (1250, "12.50元"), (-150, "-1.50元")],
)
def test_amounts_have_two_decimals(fen: int, text: str) -> None:
    assert yuan(fen) == text


def test_a_registration_says_where_when_and_what_was_paid() -> None:
    text = words(REGISTRATION)
    for expected in (
        "挂号凭条", "张**", "12号", "一楼东 101诊室", "07-13 10:00-10:10",
        "挂号费 30.00元", "实收现金 50.00元", "余额转入就诊账户 20.00元", "A-0713-0042-K",
    ):  # fmt: skip
        assert expected in text


def test_without_excess_no_account_is_mentioned() -> None:
    assert "就诊账户" not in words(replace(REGISTRATION, excess_fen=0))


def test_offline_the_wording_is_provisional() -> None:
    assert "已在本机登记，待医院系统确认" in words(replace(REGISTRATION, provisional=True))


def test_online_it_does_not_claim_what_the_his_has_not_said_either() -> None:
    text = words(REGISTRATION)
    assert "待医院系统确认" not in text
    assert "正在报送" in text


@pytest.mark.parametrize("slip", [REGISTRATION, REFUND, CASE])
def test_a_copy_says_so(slip: Slip) -> None:
    assert "补打" not in words(slip)
    assert "补打 第2次" in words(replace(slip, head=replace(HEAD, copy=2)))


@pytest.mark.parametrize("slip", [REGISTRATION, REFUND, CASE])
def test_an_unverified_identity_says_so(slip: Slip) -> None:
    assert "身份未核验" not in words(slip)
    assert "身份未核验" in words(replace(slip, head=replace(HEAD, verified=False)))


def test_a_clock_that_is_not_trusted_is_said() -> None:
    assert "时钟未校准" in words(replace(REGISTRATION, head=replace(HEAD, clock_trusted=False)))


def test_a_refund_says_what_happened_to_the_money_and_what_to_do() -> None:
    text = words(REFUND)
    assert "应退现金 20.00元" in text
    assert "人工窗口" in text
    assert "QR:A-0713-0042-K|0|2000|recorded" in text


def test_a_case_keeps_uncertain_and_owed_money_apart() -> None:
    text = words(CASE)
    assert "待核实 20.00元" in text
    assert "已收应退 10.00元" in text
    assert "30.00元" in text
    assert "QR:A-0713-0042-K|0|3000|recorded" in text


def test_the_signed_code_vouches_for_number_and_money() -> None:
    assert "QR:A-0713-0042-K|12|5000|recorded" in words(REGISTRATION)


@pytest.mark.parametrize("slip", [REGISTRATION, REFUND, CASE])
def test_every_slip_can_be_encoded_and_is_cut(slip: Slip) -> None:
    document = compose(slip, sign)
    assert isinstance(document.parts[-1], Cut)
    assert "张**".encode("gb18030") in encode(document)
