"""How far this kiosk's clock may be believed, and by how much it is to be corrected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from store_forward.contract.facts import ClockTrust

OLDEST_POSSIBLE = datetime(2025, 1, 1, tzinfo=UTC)
"""Before this software existed: a clock that says so has lost its battery."""

LARGEST_STEP = timedelta(seconds=60)
"""A clock that moved against the monotonic one by more was set by somebody."""

SMALL_STEP_BACK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Clock:
    """``monotonic`` in seconds, ``wall`` the system's aware UTC time."""

    monotonic: Callable[[], float]
    wall: Callable[[], datetime]


def judge(
    *,
    wall: datetime,
    last_contact: datetime | None,
    offset_seconds: float | None,
    step: timedelta,
) -> ClockTrust:
    """Return how far ``wall`` (already corrected by the offset) may be believed.

    ``step`` is how far the clock moved against the monotonic one since the gateway's time was
    last heard.
    """
    if wall < OLDEST_POSSIBLE:
        return ClockTrust.INVALID
    if last_contact is not None and wall < last_contact - SMALL_STEP_BACK:
        return ClockTrust.INVALID
    if offset_seconds is None or abs(step) > LARGEST_STEP:
        return ClockTrust.UNSYNCHRONISED
    return ClockTrust.SYNCHRONISED
