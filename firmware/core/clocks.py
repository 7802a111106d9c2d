"""How far this kiosk's clock may be believed, and by how much it is to be corrected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from store_forward.contract.facts import ClockTrust
from store_forward.store.boot_id import boot_id

OLDEST_POSSIBLE = datetime(2025, 1, 1, tzinfo=UTC)
"""Before this software existed: a clock that says so has lost its battery."""

LARGEST_STEP = timedelta(seconds=60)
"""A clock that moved against the monotonic one by more was set by somebody."""

SMALL_STEP_BACK = timedelta(minutes=5)


HARDWARE_CLOCKS = Path("/sys/class/rtc")


def kept_by_hardware(wall: datetime, clocks: Path = HARDWARE_CLOCKS) -> bool:
    """Whether ``wall``, the system's time, went on while the machine was off.

    That is where the kernel took it from a hardware clock at boot (``hctosys``,
    Documentation/ABI/testing/sysfs-class-rtc) and that clock still agrees: one whose battery is
    dead begins anew, and what the system then puts in its place is a guess.
    """
    for clock in sorted(clocks.glob("rtc*")):
        try:
            if (clock / "hctosys").read_text().strip() == "1":
                seconds = int((clock / "since_epoch").read_text())
                return abs(wall.timestamp() - seconds) <= LARGEST_STEP.total_seconds()
        except (OSError, ValueError):
            continue
    return False


@dataclass(frozen=True, slots=True)
class Clock:
    """``monotonic`` in seconds, ``wall`` the system's aware UTC time, ``boot`` names this run of
    the machine, ``is_kept`` says whether the system's time went on while it was off."""

    monotonic: Callable[[], float]
    wall: Callable[[], datetime]
    boot: Callable[[], str] = boot_id
    is_kept: Callable[[datetime], bool] = kept_by_hardware


def judge(
    *,
    wall: datetime,
    last_contact: datetime | None,
    offset_seconds: float | None,
    step: timedelta,
    last_entry: datetime | None = None,
) -> ClockTrust:
    """Return how far ``wall`` (already corrected by the offset) may be believed.

    ``step`` is how far the clock moved against the monotonic one since the gateway's time was
    last heard. ``last_entry`` is when this kiosk last recorded something by a trusted clock; it
    counts while the gateway has not been heard since the machine was started.
    """
    if wall < OLDEST_POSSIBLE:
        return ClockTrust.INVALID
    for known in (last_contact, last_entry):
        if known is not None and wall < known - SMALL_STEP_BACK:
            return ClockTrust.INVALID
    if offset_seconds is None or abs(step) > LARGEST_STEP:
        return ClockTrust.UNSYNCHRONISED
    return ClockTrust.SYNCHRONISED
