"""How far the clock is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware.core.clocks import judge, kept_by_hardware
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


def test_a_time_before_the_last_entry_is_invalid() -> None:
    later = NOW + timedelta(hours=1)
    trust = judge(wall=NOW, last_contact=None, last_entry=later, offset_seconds=0.0, step=STILL)
    assert trust is ClockTrust.INVALID


def hardware_clock(folder: Path, *, set_the_system: bool, says: datetime) -> Path:
    clock = folder / "rtc0"
    clock.mkdir()
    (clock / "hctosys").write_text("1\n" if set_the_system else "0\n")
    (clock / "since_epoch").write_text(f"{int(says.timestamp())}\n")
    return folder


def test_a_hardware_clock_the_system_took_its_time_from_has_kept_it(tmp_path: Path) -> None:
    clocks = hardware_clock(tmp_path, set_the_system=True, says=NOW - timedelta(seconds=20))
    assert kept_by_hardware(NOW, clocks)


def test_a_hardware_clock_with_a_dead_battery_has_not(tmp_path: Path) -> None:
    clocks = hardware_clock(tmp_path, set_the_system=True, says=datetime(1970, 1, 1, tzinfo=UTC))
    assert not kept_by_hardware(NOW, clocks)


def test_a_hardware_clock_that_was_not_asked_has_not(tmp_path: Path) -> None:
    assert not kept_by_hardware(NOW, hardware_clock(tmp_path, set_the_system=False, says=NOW))


def test_a_machine_without_a_hardware_clock_has_not(tmp_path: Path) -> None:
    assert not kept_by_hardware(NOW, tmp_path / "nowhere")
    (tmp_path / "rtc0").mkdir()
    assert not kept_by_hardware(NOW, tmp_path)


def test_a_time_before_the_last_contact_is_invalid() -> None:
    trust = judge(wall=NOW, last_contact=NOW + timedelta(hours=1), offset_seconds=0.0, step=STILL)
    assert trust is ClockTrust.INVALID
