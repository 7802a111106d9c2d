"""Back-pressure: when no new business may begin, before a disk or a queue is at its end.

Room for one whole session is always kept, so that one under way can be finished.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from firmware.config.model import Limits
from firmware.messages.views import Reason

RESUME_BELOW = 0.8
"""What has paused business lets it go on only below this part of its limit: a kiosk at the limit
would otherwise open and close with every entry."""

KEPT_FILES = 64
"""Files that can still be made must be more: a log, its index, a segment of the mirror, drafts."""

ENTRY_BYTES = 24 * 1024
"""Room that one append takes at most. Measured with a reader that keeps the log from being copied
into the main file: 11 kB of log, main file and mirror for an append of one entry that sells a
slot; doubled for the copy."""

ENTRIES_A_NOTE = 3
"""Escrowed, credited, and once more because another one was returned."""

OTHER_ENTRIES = 24
"""Confirmed, paid or cancelled, cases, slips and their copies, restarts in between."""

STANDING_BYTES = 6_000_000
"""Besides a session's entries: a segment of the mirror (1 MiB) now and one at the next start, the
gateway's answers meanwhile, and the log copied into the main file at a clean shutdown."""

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """What was measured. ``free_files`` None: this file system has no such limit.

    ``waiting`` entries are not acknowledged yet; ``oldest`` is the age of the first of them, None
    when nothing waits or no clock can say. ``is_doubted``: the gateway's mark contradicts this
    disk, or another machine has taken its place.
    """

    free_bytes: int
    free_files: int | None = None
    waiting: int = 0
    oldest: timedelta | None = None
    is_doubted: bool = False


class Strain(Enum):
    """One thing that pauses business; the first that does is told."""

    DOUBT = "doubt"
    DISK = "disk"
    FILES = "files"
    LENGTH = "length"
    AGE = "age"


def session_bytes(limits: Limits, highest_fee_fen: int) -> int:
    """Return the most room a session can take until it has ended and core is shut down."""
    smallest = min(limits.accept_fen, default=0)
    notes = -(-highest_fee_fen // smallest) if smallest > 0 else 0
    entries = OTHER_ENTRIES + ENTRIES_A_NOTE * notes
    return STANDING_BYTES + ENTRY_BYTES * entries


def reserve_bytes(limits: Limits, highest_fee_fen: int) -> int:
    """Return the room below which nothing new begins: as configured, never less than needed."""
    return max(limits.reserve_disk_mb * _MEGABYTE, session_bytes(limits, highest_fee_fen))


def weigh(before: frozenset[Strain], load: Load, limits: Limits, reserve: int) -> frozenset[Strain]:
    """Return what pauses business now; ``before`` is what did so until now."""
    longest = timedelta(hours=limits.queue_max_age_hours)
    used = {
        Strain.DOUBT: 1.0 if load.is_doubted else 0.0,
        Strain.DISK: _part(reserve, load.free_bytes),
        Strain.FILES: 0.0 if load.free_files is None else _part(KEPT_FILES, load.free_files),
        Strain.LENGTH: load.waiting / limits.queue_max_entries,
        Strain.AGE: 0.0 if load.oldest is None else load.oldest / longest,
    }
    return frozenset(
        strain
        for strain, part in used.items()
        if part >= (RESUME_BELOW if strain in before else 1.0)
    )


def reason_of(strains: frozenset[Strain]) -> Reason:
    """Return what patients are told, NONE while nothing pauses business."""
    for strain in Strain:
        if strain in strains:
            return _REASONS[strain]
    return Reason.NONE


_REASONS = {
    Strain.DOUBT: Reason.STORE_DOUBTED,
    Strain.DISK: Reason.STORE_FULL,
    Strain.FILES: Reason.STORE_FULL,
    Strain.LENGTH: Reason.QUEUE_FULL,
    Strain.AGE: Reason.QUEUE_FULL,
}


def _part(needed: int, there: int) -> float:
    return needed / there if there > 0 else float("inf")
