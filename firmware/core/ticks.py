"""When the flows want to be called next. Pure: times are monotonic seconds and come in."""

from __future__ import annotations

import math


class NextTick:
    """The earliest moment anybody asked for; it stays until it was reached.

    What a tick is for may be past already when the loop looks again, and is then no longer among
    the moments to come: asking anew must not take it back.
    """

    def __init__(self) -> None:
        self._due = math.inf

    def expect(self, at: float) -> None:
        """A tick is wanted at this moment, or at the one asked for before if that is earlier."""
        self._due = min(self._due, at)

    def take(self, now: float) -> bool:
        """Whether a tick is due; if so, it is taken."""
        if now < self._due:
            return False
        self._due = math.inf
        return True

    def seconds_left(self, now: float, at_most: float) -> float:
        """How long to sleep: until the tick, and no longer than ``at_most``."""
        return max(min(at_most, self._due - now), 0.0)
