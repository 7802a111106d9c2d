"""When new business pauses and when it goes on again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.config.model import Limits
from firmware.core.pressure import (
    ENTRY_BYTES,
    KEPT_FILES,
    Load,
    Strain,
    reason_of,
    reserve_bytes,
    session_bytes,
    weigh,
)
from firmware.messages.views import Reason

MB = 1_000_000
LIMITS = Limits(queue_max_entries=1000, queue_max_age_hours=10)
RESERVE = 64 * MB
NOTHING: frozenset[Strain] = frozenset()
EASY = Load(free_bytes=1000 * MB, free_files=10_000)

REACHED: dict[Strain, Load] = {
    Strain.DOUBT: Load(1000 * MB, is_doubted=True),
    Strain.DISK: Load(64 * MB),
    Strain.FILES: Load(1000 * MB, KEPT_FILES),
    Strain.LENGTH: Load(1000 * MB, waiting=1000),
    Strain.AGE: Load(1000 * MB, waiting=1, oldest=timedelta(hours=10)),
}
ALMOST: dict[Strain, Load] = {
    Strain.DISK: Load(64 * MB + 1),
    Strain.FILES: Load(1000 * MB, KEPT_FILES + 1),
    Strain.LENGTH: Load(1000 * MB, waiting=999),
    Strain.AGE: Load(1000 * MB, waiting=1, oldest=timedelta(hours=9, minutes=59)),
}
RELIEVED: dict[Strain, Load] = {
    Strain.DISK: Load(81 * MB),
    Strain.FILES: Load(1000 * MB, KEPT_FILES * 5 // 4 + 1),
    Strain.LENGTH: Load(1000 * MB, waiting=799),
    Strain.AGE: Load(1000 * MB, waiting=1, oldest=timedelta(hours=7, minutes=59)),
}


@pytest.mark.parametrize("strain", Strain)
def test_business_pauses_when_a_limit_is_reached(strain: Strain) -> None:
    assert weigh(NOTHING, REACHED[strain], LIMITS, RESERVE) == {strain}


@pytest.mark.parametrize("strain", ALMOST)
def test_business_goes_on_just_before_a_limit(strain: Strain) -> None:
    assert weigh(NOTHING, ALMOST[strain], LIMITS, RESERVE) == NOTHING


@pytest.mark.parametrize("strain", ALMOST)
def test_a_pause_lasts_until_the_load_is_below_four_fifths(strain: Strain) -> None:
    paused = frozenset({strain})
    assert weigh(paused, ALMOST[strain], LIMITS, RESERVE) == paused
    assert weigh(paused, RELIEVED[strain], LIMITS, RESERVE) == NOTHING


def test_a_disk_with_nothing_left_or_nothing_to_say_of_files_is_measured_too() -> None:
    assert weigh(NOTHING, Load(0, 0), LIMITS, RESERVE) == {Strain.DISK, Strain.FILES}
    assert weigh(NOTHING, Load(1000 * MB, None), LIMITS, RESERVE) == NOTHING


def test_a_clock_behind_the_oldest_entry_pauses_nothing() -> None:
    ahead = Load(1000 * MB, waiting=1, oldest=timedelta(days=-365))
    assert weigh(NOTHING, ahead, LIMITS, RESERVE) == NOTHING


@pytest.mark.parametrize(
    ("strains", "reason"),
    [
        (NOTHING, Reason.NONE),
        ({Strain.DISK}, Reason.STORE_FULL),
        ({Strain.FILES}, Reason.STORE_FULL),
        ({Strain.LENGTH}, Reason.QUEUE_FULL),
        ({Strain.AGE}, Reason.QUEUE_FULL),
        ({Strain.DISK, Strain.AGE}, Reason.STORE_FULL),
        (set(Strain), Reason.STORE_DOUBTED),
    ],
)
def test_the_patient_is_told_the_gravest_reason(strains: frozenset[Strain], reason: Reason) -> None:
    assert reason_of(frozenset(strains)) is reason


@given(
    st.frozensets(st.sampled_from(list(Strain))),
    st.builds(
        Load,
        free_bytes=st.integers(0, 10**12),
        free_files=st.none() | st.integers(0, 10**6),
        waiting=st.integers(0, 10**7),
        oldest=st.none() | st.timedeltas(),
        is_doubted=st.booleans(),
    ),
)
def test_whatever_pauses_once_pauses_again_under_the_same_load(
    before: frozenset[Strain], load: Load
) -> None:
    now = weigh(before, load, LIMITS, RESERVE)
    assert weigh(now, load, LIMITS, RESERVE) == now
    assert weigh(NOTHING, load, LIMITS, RESERVE) <= now


def test_the_reserve_is_never_less_than_a_whole_session_needs() -> None:
    ordinary, dear = 5_000, 1_000_000
    assert session_bytes(LIMITS, ordinary) < 16 * MB
    assert reserve_bytes(LIMITS, ordinary) == 64 * MB
    assert reserve_bytes(LIMITS, dear) == session_bytes(LIMITS, dear) > 64 * MB


def test_a_kiosk_without_cash_still_keeps_room_for_its_entries() -> None:
    assert session_bytes(Limits(accept_fen=()), 5_000) > ENTRY_BYTES
