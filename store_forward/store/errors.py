"""What can go wrong with the store. Each message says what happened, to which file, what to do."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path


class StoreError(Exception):
    """Anything the store could not do. ``path`` is the file concerned."""

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        super().__init__(f"{path}: {what}. {remedy}")
        self.path = path


class KeyUnusable(StoreError):
    """The key file is missing, readable by others, or does not hold a key."""


class StoreMissing(StoreError):
    """There is no store file and none was to be created."""


class WrongKey(StoreError):
    """The first page does not open with this key: another key's file, or the page is damaged."""


class NotEncrypted(StoreError):
    """A plain SQLite file lies where the encrypted store should be."""


class DamagedStore(StoreError):
    """The file opens with this key, or should, but its content is not intact."""


class ForeignStore(StoreError):
    """The store belongs to another kiosk."""


class SchemaTooNew(StoreError):
    """A newer software version wrote this store. It is left unchanged."""


class SchemaTooOld(StoreError):
    """No migration leads from this store's schema to ours. It is left unchanged."""


class StoreFull(StoreError):
    """The disk is full, or a quota on it. Nothing of the refused write was kept."""


class StoreBusy(StoreError):
    """Another process held the write lock longer than the busy time-out. Nothing was written."""


class StoreUnavailable(StoreError):
    """The file system refused: no permission, read-only, input/output error.

    After a failed commit, or where the mirror could not follow, it is not known whether the
    entries survive a restart; the journal read at the next start tells.
    """


class NotTheKeeper(StoreError):
    """The store was opened by a guest, who does not append. Nothing was written."""


class JournalContradicted(StoreError):
    """The gateway has more of this journal, or something else: this disk is an older copy."""


class StoreReplaced(StoreError):
    """Recovery has put another file in the place of the one that is open here: open it anew."""


class UnsuitableDriver(Exception):
    """The SQLite library in this installation must not be used for the store."""


class SlotTaken(Exception):
    """The slot was already sold by this kiosk. Nothing of the append was written."""

    def __init__(self, slot_id: str) -> None:
        super().__init__(f"slot {slot_id} is already sold: offer the patient another one")
        self.slot_id = slot_id


class OrderRepeated(Exception):
    """The order was confirmed before. Nothing of the append was written."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"order {order_id} is already in the journal: one confirmation per order")
        self.order_id = order_id


class Misfit(StrEnum):
    """Why a receipt does not fit this store."""

    OTHER_DEVICE = "other_device"
    OTHER_INCARNATION = "other_incarnation"
    EMPTY_RANGE = "empty_range"
    BEYOND_HEAD = "beyond_head"
    OTHER_CHAIN = "other_chain"
    BATCH_REUSED = "batch_reused"
    RESULT_OUTSIDE = "result_outside"
    ACK_SHORT = "ack_short"


class ReceiptRefused(Exception):
    """The receipt contradicts our journal. Nothing was stored; raise an alarm."""

    def __init__(self, misfit: Misfit, detail: str) -> None:
        super().__init__(f"receipt refused ({misfit}): {detail}; nothing was acknowledged")
        self.misfit = misfit


class ResolutionRefused(Exception):
    """A person's decision is not about this journal. Nothing was changed; raise an alarm."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"resolution refused: {detail}; nothing was changed")


class UnreadableAnswer(Exception):
    """The gateway sent a reference record or a lease of the wrong shape. Nothing was stored."""


PASSING = (StoreBusy, StoreFull, StoreUnavailable)
"""What may end by itself, so that whoever can wait tries again."""
