"""Slips: what they say (pure data, patients masked) and how it is laid out on paper.

Three promises are never mixed on paper: recorded here, accepted by the HIS, money settled. A slip
from this kiosk only ever makes the first; what became of it is looked up with the slip code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from devices.receipt_printer.document import (
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
from store_forward.contract.vouchers import VoucherPayload

Sign = Callable[[VoucherPayload], str]
"""Signs what a slip vouches for with the kiosk's key and returns the text of its QR symbol."""


@dataclass(frozen=True, slots=True)
class SlipHead:
    """What every slip carries. ``printed_at`` is local ``YYYY-MM-DD HH:MM``.

    ``copy`` 0 is the original, from 1 a 补打. ``clock_trusted`` False is said on the paper.
    """

    clinic: str
    kiosk: str
    printed_at: str
    clock_trusted: bool
    copy: int
    slip_code: str
    order_id: str
    patient_name: str
    id_number: str
    verified: bool


@dataclass(frozen=True, slots=True)
class RegistrationSlip:
    """挂号凭条: a paid registration. ``provisional``: the network was away when it was made."""

    head: SlipHead
    department: str
    doctor: str
    title: str
    location: str
    day: str
    number: int
    start: str
    end: str
    fee_fen: int
    paid_fen: int
    excess_fen: int
    provisional: bool


@dataclass(frozen=True, slots=True)
class RefundSlip:
    """退款凭条: cancelled with money in the cash box, paid out at the counter."""

    head: SlipHead
    owed_fen: int


@dataclass(frozen=True, slots=True)
class CaseSlip:
    """待核实凭条: ``uncertain_fen`` is a note nobody knows the end of, ``owed_fen`` is certain."""

    head: SlipHead
    uncertain_fen: int
    owed_fen: int


Slip = RegistrationSlip | RefundSlip | CaseSlip


def yuan(amount_fen: int) -> str:
    """Return ``20.00元``; never a float in between."""
    sign = "-" if amount_fen < 0 else ""
    whole, rest = divmod(abs(amount_fen), 100)
    return f"{sign}{whole}.{rest:02d}元"


def compose(slip: Slip, sign: Sign) -> SlipDocument:
    """Lay a slip out for 80 mm paper."""
    match slip:
        case RegistrationSlip():
            parts = _registration(slip, sign)
        case RefundSlip():
            parts = _refund(slip, sign)
        case CaseSlip():
            parts = _case(slip, sign)
        case _:
            assert_never(slip)
    return SlipDocument((*parts, Feed(1), Cut()))


def _registration(slip: RegistrationSlip, sign: Sign) -> tuple[Part, ...]:
    head = slip.head
    return (
        *_top(head, "挂号凭条"),
        *_state_of(slip),
        Rule(),
        *_who(head),
        Columns("科室", slip.department),
        Columns("医生", f"{slip.doctor}  {slip.title}".rstrip()),
        Columns("就诊地点", slip.location),
        Columns("就诊时间", f"{slip.day} {slip.start}-{slip.end}"),
        Feed(1),
        Line(f"{slip.number}号", bold=True, size=3, align=Align.CENTER),
        Line("请凭本凭条按时到就诊地点候诊。", align=Align.CENTER),
        Feed(1),
        Rule(),
        Columns("挂号费", yuan(slip.fee_fen)),
        Columns("实收现金", yuan(slip.paid_fen)),
        *((Columns("余额转入就诊账户", yuan(slip.excess_fen)),) if slip.excess_fen else ()),
        Rule(),
        *_code(head, slip.number, slip.paid_fen, sign),
    )


def _state_of(slip: RegistrationSlip) -> tuple[Part, ...]:
    if slip.provisional:
        return (
            Line("已在本机登记，待医院系统确认", bold=True, align=Align.CENTER),
            Line("网络恢复后自动上传，号源已为您保留。", align=Align.CENTER),
        )
    return (Line("已在本机登记，正在报送医院系统", bold=True, align=Align.CENTER),)


def _refund(slip: RefundSlip, sign: Sign) -> tuple[Part, ...]:
    return (
        *_top(slip.head, "退款凭条"),
        Line("挂号已取消", bold=True, align=Align.CENTER),
        Rule(),
        *_who(slip.head),
        Columns("应退现金", yuan(slip.owed_fen), bold=True),
        Rule(),
        Line(f"您投入的{yuan(slip.owed_fen)}在本机钱箱内，本机不找零。"),
        Line("请持本凭条和身份证到人工窗口领取退款。", bold=True),
        Rule(),
        *_code(slip.head, 0, slip.owed_fen, sign),
    )


def _case(slip: CaseSlip, sign: Sign) -> tuple[Part, ...]:
    total = slip.uncertain_fen + slip.owed_fen
    owed = (Columns("已收应退", yuan(slip.owed_fen)),) if slip.owed_fen else ()
    return (
        *_top(slip.head, "待核实凭条"),
        Line("有一张纸币的去向需要人工核实", bold=True, align=Align.CENTER),
        Rule(),
        *_who(slip.head),
        Columns("待核实", yuan(slip.uncertain_fen), bold=True),
        *owed,
        Rule(),
        Line(f"涉及金额{yuan(total)}已记录，挂号未完成，号源已释放。"),
        Line("若纸币已退出请取回。", bold=True),
        Line("请持本凭条到人工窗口，由工作人员核对钱箱后办理。", bold=True),
        Rule(),
        *_code(slip.head, 0, total, sign),
    )


def _top(head: SlipHead, title: str) -> tuple[Part, ...]:
    mark = (Line(f"补打 第{head.copy}次", bold=True, align=Align.CENTER),) if head.copy else ()
    return (
        Line(head.clinic, bold=True, align=Align.CENTER),
        Feed(1),
        Line(title, bold=True, size=2, align=Align.CENTER),
        *mark,
        Feed(1),
    )


def _who(head: SlipHead) -> tuple[Part, ...]:
    unverified = () if head.verified else (Line("身份未核验", bold=True),)
    return (
        Columns("姓名", head.patient_name),
        Columns("证件号", head.id_number),
        *unverified,
    )


def _code(head: SlipHead, number: int, amount_fen: int, sign: Sign) -> tuple[Part, ...]:
    payload = VoucherPayload(
        slip_code=head.slip_code,
        order_id=head.order_id,
        kiosk=head.kiosk,
        number=number,
        amount_fen=amount_fen,
    )
    time = head.printed_at if head.clock_trusted else f"{head.printed_at}（时钟未校准）"
    return (
        Columns("凭条号", head.slip_code, bold=True),
        Columns("时间", time),
        Columns("自助机", head.kiosk),
        Feed(1),
        Qr(sign(payload), module_dots=5),
        Line("凭条号可在人工窗口查询办理结果", align=Align.CENTER),
    )
