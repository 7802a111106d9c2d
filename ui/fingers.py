"""Which touches count: pure rules about time and repetition.

One finger at a time; nothing right after the kiosk woke up; no second commit within half a
second; "someone is there" at most once a second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from firmware.messages.intents import (
    ChooseSlot,
    Confirm,
    Finish,
    Intent,
    ReallyCancel,
    Reprint,
    Wake,
)

WAKE_GUARD_SECONDS = 0.5
"""After the first tap: a second tap of a nervous finger starts nothing (0.3 to 1 s)."""

COMMIT_GUARD_SECONDS = 0.5
SAME_PLACE_MM = 25.0
"""How far the second tap of a trembling finger may fall from its first."""

ACTIVITY_SECONDS = 1.0
COMMITTING = (Confirm, ReallyCancel, ChooseSlot, Reprint, Finish, Wake)


@dataclass(frozen=True)
class Fingers:
    """What is known of former touches; times are monotonic seconds."""

    blind_until: float = float("-inf")
    committed_at: float = float("-inf")
    committed: Intent | None = None
    committed_place_mm: tuple[float, float] = (0.0, 0.0)
    active_at: float = float("-inf")

    def woken(self, now: float) -> Fingers:
        """The kiosk left the idle screen just now."""
        return replace(self, blind_until=now + WAKE_GUARD_SECONDS)

    def may_touch(self, now: float) -> bool:
        """Whether a finger coming down now is meant."""
        return now >= self.blind_until

    def may_send(self, intent: Intent, now: float, place_mm: tuple[float, float]) -> bool:
        """Whether this is no accidental repetition: the same button, or what came to lie under it.

        Another button elsewhere is meant, however quick the finger.
        """
        if not isinstance(intent, COMMITTING) or now - self.committed_at >= COMMIT_GUARD_SECONDS:
            return True
        is_near = math.dist(place_mm, self.committed_place_mm) <= SAME_PLACE_MM
        return not (is_near or type(intent) is type(self.committed))

    def sent(self, intent: Intent, now: float, place_mm: tuple[float, float]) -> Fingers:
        """After an intent went out."""
        if not isinstance(intent, COMMITTING):
            return replace(self, active_at=now)
        return replace(
            self, committed_at=now, committed=intent, committed_place_mm=place_mm, active_at=now
        )

    def tells_activity(self, now: float) -> bool:
        """Whether a touch that meant nothing is worth telling core."""
        return now - self.active_at >= ACTIVITY_SECONDS
