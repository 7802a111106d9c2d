"""What the screen shows to staff: what needs a person. Says nothing of patients."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class StaffCodeState(StrEnum):
    """LOCKED: too many wrong codes; none is looked at for some minutes."""

    ASKING = "asking"
    WRONG = "wrong"
    LOCKED = "locked"


class StaffCodeView(msgspec.Struct, frozen=True, tag="staff_code"):
    """Staff enter their code. ``tries_left`` after a wrong one, ``minutes`` while locked."""

    state: StaffCodeState = StaffCodeState.ASKING
    tries_left: int = 0
    minutes: int = 0


class MatterState(StrEnum):
    """Why an entry needs a person: refused and held back here, meaningless to the HIS, following
    from one that failed, contradicting what the HIS has, or uncertain."""

    PARKED = "parked"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    CONFLICT = "conflict"
    REVIEW = "review"


class MatterRow(msgspec.Struct, frozen=True):
    """One entry that needs a person. Nothing of a patient but the code of the slip they hold.

    ``kind`` is the machine word of the entry, ``number`` its place in the journal, ``reason`` a
    machine word; ``date`` is ISO 8601 and ``time`` HH:MM, both at the clinic and empty where no
    clock could tell. ``amount_fen`` and ``slip_code`` are 0 and empty for none. ``is_known``: the
    HIS has been told, so there is a case to decide.
    """

    number: int
    state: MatterState
    kind: str
    reason: str
    amount_fen: int
    slip_code: str
    date: str
    time: str
    is_known: bool


class Doubt(StrEnum):
    """Why nothing is sold though all works: the HIS knows this journal otherwise."""

    NONE = ""
    ROLLED_BACK = "rolled_back"
    OTHER_CHAIN = "other_chain"
    FENCED = "fenced"


class StaffView(msgspec.Struct, frozen=True, tag="staff"):
    """For staff: what waits for the HIS and what needs a person, newest first.

    ``count`` are all that need one, of which ``rows`` are one page; ``waiting`` entries are not
    sent yet, the oldest since ``oldest_date``, ``oldest_time`` (empty when unknown).
    """

    waiting: int
    oldest_date: str
    oldest_time: str
    doubt: Doubt
    count: int
    rows: tuple[MatterRow, ...]
    page: int
    pages: int
