"""What cases are called at the console, in the words of a hospital's cashiers."""

from __future__ import annotations

from store_forward.contract.resolutions import Verdict

REASONS = {
    # told by a kiosk
    "note_uncertain": "纸币去向不明",
    "note_stacked_late": "订单结束后纸币入箱",
    "note_without_order": "收到纸币但无对应订单",
    "note_perhaps_credited": "纸币可能已入账",
    # found when an entry was booked
    "already_paid": "该挂号已缴费",
    "fee_differs": "挂号费与号源价格不一致",
    "id_reused": "交易编号重复、内容不同",
    "invalid_amount": "金额无效",
    "invalid_range": "丢失记录的序号范围无效",
    "invalid_slot_number": "号序无效",
    "lease_superseded": "号源已分配给其他自助机",
    "never_leased": "号源未分配给该自助机",
    "note_already_credited": "同一张纸币重复入账",
    "order_closed": "订单已结束",
    "order_exists": "挂号订单重复",
    "order_unknown": "找不到对应的挂号订单",
    "owed_differs": "应退金额与入钞金额不一致",
    "parent_conflict": "前序记录存在冲突",
    "parent_deferred": "前序记录未处理",
    "parent_rejected": "前序记录未入账",
    "parent_unknown": "缺少前序记录",
    "payment_differs": "缴费金额与入钞金额不一致",
    "slot_resold": "号源重复售出",
    "text_not_storable": "记录内容无法保存",
    "undecodable": "记录无法读取",
    "unknown_kind": "记录类型未知",
    "unknown_schema": "记录版本未知",
    "unknown_slot": "号源不存在",
    "withdrawn": "已作废的记录重新上传，未入账",
    # about journals
    "entries_lost": "自助机有记录丢失，请核对钱箱、凭条与账目",
    "journal_replaced": "自助机更换了存储，请核对钱箱、凭条与账目",
    "told_lost": "已报丢失的记录重新出现，未入账",
}
"""By machine word."""

VERDICTS: dict[str, str] = {
    Verdict.SETTLED: "已另行处理（款项或业务已在 HIS 补录）",
    Verdict.WITHDRAWN: "作废（不入账，关联的后续记录转人工）",
    Verdict.RESEND: "重新上传（故障已排除）",
}

NOTES = {
    "booked_by_hand": "已在窗口补录",
    "cash_box_checked": "已清点钱箱，账实相符",
    "paid_out": "已退款给患者",
    "charged_at_counter": "已在窗口补收",
    "booked_twice": "重复记录",
    "not_valid": "记录无效，不涉及款项",
    "cause_removed": "故障已排除",
}
"""Code words for what was done, as they go into the signed decision."""


SECTIONS = {
    "devices": "自助机",
    "streams": "上传进度",
    "lost": "已确认丢失的记录",
    "batches": "上传批次",
    "transactions": "业务记录",
    "registrations": "挂号记录",
    "ledger": "账目余额",
    "cases": "待处理事项",
    "slots": "号源",
    "free_slots": "可分配号源",
    "alarms": "告警",
}

REFUSALS = {
    "operator_token": "口令不正确。",
    "unknown_case": "该事项不存在。",
    "no_entry": "该事项没有对应的记录，无法在此处理。",
    "decided_otherwise": "该事项已由他人作出不同处理。",
    "case_closed": "记录已自动到达，无需处理。",
    "nothing_to_resend": "记录已在网关，无需重新上传。",
    "invalid": "填写内容无效：工号只能使用字母、数字和 . _ : -",
}
"""Why a decision was not taken, by the problem's code."""


def meaning_of(reason: str) -> str:
    """What a case is about, for staff. A word that nobody has thought of stays itself."""
    return REASONS.get(reason, reason)


def meaning_of_parked(reason: str) -> str:
    """The same of an entry that a kiosk holds parked; ``reason`` is the refusal's code."""
    if reason == "decided_before":
        return "网关恢复备份前已处理的记录，请核对后再次处理"
    return f"记录未能上传，自助机已暂存（{reason}）"
