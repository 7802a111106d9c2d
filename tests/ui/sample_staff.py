"""What core sends to staff, with the worst cases."""

from __future__ import annotations

import msgspec

from firmware.messages.staff import (
    Doubt,
    MatterRow,
    MatterState,
    StaffCodeState,
    StaffCodeView,
    StaffView,
)

UNCERTAIN = MatterRow(
    number=7,
    state=MatterState.REVIEW,
    kind="case_opened",
    reason="note_uncertain",
    amount_fen=2000,
    slip_code="A-0713-0008-M",
    date="2026-07-13",
    time="09:20",
    is_known=False,
)
REFUSED = MatterRow(
    41,
    MatterState.PARKED,
    "registration_paid",
    "slot_unknown",
    2500,
    "A-0713-0012-K",
    "2026-07-13",
    "08:47",
    is_known=True,
)
REJECTED = MatterRow(
    36,
    MatterState.REJECTED,
    "registration_confirmed",
    "doctor_withdrawn",
    3000,
    "A-0712-0031-J",
    "2026-07-12",
    "16:02",
    is_known=True,
)
FOLLOWING = MatterRow(
    37,
    MatterState.DEFERRED,
    "slip_print_ended",
    "parent_deferred",
    0,
    "A-0712-0031-J",
    "2026-07-12",
    "16:03",
    is_known=True,
)
DIFFERENT = MatterRow(
    22, MatterState.CONFLICT, "note_credited", "already_booked", 10000, "", "", "", is_known=True
)
GONE = MatterRow(3, MatterState.REJECTED, "purged", "", 0, "", "", "", is_known=True)
LONGEST = MatterRow(
    1234567,
    MatterState.PARKED,
    "registration_cancelled",
    "registration_of_another_patient",
    123456789012,
    "A-0713-0012-K",
    "2026-07-13",
    "09:20",
    is_known=False,
)
ROWS = (UNCERTAIN, REFUSED, FOLLOWING, REJECTED, DIFFERENT, GONE)


def staff(rows: tuple[MatterRow, ...] = ROWS, **changes: object) -> StaffView:
    plain = StaffView(
        waiting=4,
        oldest_date="2026-07-13",
        oldest_time="06:30",
        doubt=Doubt.NONE,
        count=len(rows),
        rows=rows,
        page=0,
        pages=1,
    )
    return msgspec.structs.replace(plain, **changes)


def longest(doubt: Doubt) -> StaffView:
    """As much as can stand on the screen at once."""
    return staff((LONGEST,) * 6, doubt=doubt, waiting=123456, count=1234, pages=10)


WRONG = StaffCodeView(StaffCodeState.WRONG, tries_left=3)
LOCKED = StaffCodeView(StaffCodeState.LOCKED, minutes=5)
VIEWS: dict[str, StaffCodeView | StaffView] = {
    "staff_code": StaffCodeView(),
    "staff_code_wrong": WRONG,
    "staff_code_locked": LOCKED,
    "staff": staff(),
    "staff_one": staff((UNCERTAIN,)),
    "staff_empty": staff((), waiting=0, oldest_date="", oldest_time=""),
    "staff_doubt": staff((), doubt=Doubt.ROLLED_BACK),
    "staff_longest": longest(Doubt.NONE),
    "staff_longest_doubt": longest(Doubt.ROLLED_BACK),
    "staff_longest_cloned": longest(Doubt.OTHER_CHAIN),
    "staff_longest_fenced": longest(Doubt.FENCED),
    "staff_last_page": staff(ROWS[:2], count=75, page=9, pages=10),
}
