"""Who may sell which slot (号源). Pure.

A slot is free, leased to one kiosk or sold to one order: sold + leased can never pass capacity.
A lease that has run out stays the kiosk's for a grace time (its sales may still be on the way);
then anyone may get the slot, with a higher fencing token. A late sale counts while the slot is
unsold and no other kiosk holds it; otherwise a person decides. It is never rejected: the patient
holds a slip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice


class SlotState(StrEnum):
    """What a slot is at the moment."""

    FREE = "free"
    LEASED = "leased"
    SOLD = "sold"


@dataclass(frozen=True)
class Slot:
    """One slot. ``fencing`` is that of the newest lease ever given; a sold slot keeps its lease."""

    slot_id: str
    state: SlotState
    fencing: int = 0
    device: str | None = None
    lease_id: str | None = None
    expires_at: datetime | None = None
    order_id: str | None = None


@dataclass(frozen=True)
class LeaseTerms:
    """How long a lease runs at most and how long it is respected after that.

    A slot that starts within ``notice`` is not leased anew and counts no more as held: a kiosk
    stops selling some time before a lease ends, and the patient needs time to confirm.
    """

    duration: timedelta = timedelta(hours=12)
    grace: timedelta = timedelta(minutes=30)
    notice: timedelta = timedelta(minutes=2)


@dataclass(frozen=True)
class LeasePlan:
    """Slots whose lease is prolonged, and slots leased anew."""

    renew: tuple[str, ...]
    grant: tuple[str, ...]


class SaleVerdict(StrEnum):
    """What a sale is worth. Everything but GOOD goes to a person."""

    GOOD = "good"
    UNKNOWN_SLOT = "unknown_slot"
    NEVER_LEASED = "never_leased"
    SLOT_RESOLD = "slot_resold"
    LEASE_SUPERSEDED = "lease_superseded"


def is_reclaimable(slot: Slot, now: datetime, terms: LeaseTerms) -> bool:
    """Say whether the slot can be leased to anyone."""
    match slot.state:
        case SlotState.FREE:
            return True
        case SlotState.LEASED:
            return slot.expires_at is None or now >= slot.expires_at + terms.grace
        case SlotState.SOLD:
            return False


def plan_lease(
    slots: Sequence[Slot], device: str, wanted: int, now: datetime, terms: LeaseTerms
) -> LeasePlan:
    """Plan one doctor's slots, given in the order they should be handed out.

    Slots whose time has passed are not among them. What the kiosk holds is prolonged, even
    beyond ``wanted``: it may have promised it already.
    """
    held = tuple(
        slot.slot_id
        for slot in slots
        if slot.state is SlotState.LEASED
        and slot.device == device
        and not is_reclaimable(slot, now, terms)
    )
    missing = max(0, wanted - len(held))
    free = (slot.slot_id for slot in slots if is_reclaimable(slot, now, terms))
    return LeasePlan(renew=held, grant=tuple(islice(free, missing)))


def judge_sale(slot: Slot | None, device: str, lease_id: str, fencing: int) -> SaleVerdict:
    """Say what the sale of ``slot`` under this lease is worth."""
    if slot is None:
        return SaleVerdict.UNKNOWN_SLOT
    if slot.fencing == 0 or fencing > slot.fencing:
        return SaleVerdict.NEVER_LEASED
    if fencing == slot.fencing and (slot.device, slot.lease_id) != (device, lease_id):
        return SaleVerdict.NEVER_LEASED
    match slot.state:
        case SlotState.SOLD:
            return SaleVerdict.SLOT_RESOLD
        case SlotState.LEASED if slot.device != device:
            return SaleVerdict.LEASE_SUPERSEDED
        case SlotState.LEASED | SlotState.FREE:
            return SaleVerdict.GOOD


def state_after_cancel(slot: Slot, now: datetime, terms: LeaseTerms) -> SlotState:
    """A cancelled slot falls back to the kiosk's lease while that runs: it may sell it again."""
    if slot.expires_at is None or now >= slot.expires_at + terms.grace:
        return SlotState.FREE
    return SlotState.LEASED
