"""How far the clock is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from firmware.core.clocks import judge
from store_forward.contract.facts import ClockTrust

NOW = datetime(2026, 7, 13, 1, 30, tzinfo=UTC)
STILL = timedelta()


def test_a_clock_the_gateway_has_set_right_is_trusted() -> None:
    trust = judge(wall=NOW, last_contact=NOW, offset_seconds=-3600.0, step=STILL)
    assert trust is ClockTrust.SYNCHRONISED


def test_a_clock_nobody_has_compared_is_not() -> None:
    trust = judge(wall=NOW, last_contact=None, offset_seconds=None, step=STILL)
    assert trust is ClockTrust.UNSYNCHRONISED


@pytest.mark.parametrize("days", [365, -365])
def test_a_clock_somebody_moved_is_not_trusted(days: int) -> None:
    moved = timedelta(days=days)
    trust = judge(wall=NOW + moved, last_contact=NOW, offset_seconds=0.0, step=moved)
    assert trust is not ClockTrust.SYNCHRONISED


def test_a_dead_battery_is_invalid() -> None:
    trust = judge(
        wall=datetime(1970, 1, 1, tzinfo=UTC), last_contact=None, offset_seconds=0.0, step=STILL
    )
    assert trust is ClockTrust.INVALID


def test_a_time_before_the_last_contact_is_invalid() -> None:
    trust = judge(wall=NOW, last_contact=NOW + timedelta(hours=1), offset_seconds=0.0, step=STILL)
    assert trust is ClockTrust.INVALID
