"""A slot whose time has passed is not sold, and does not stand in the way of those to come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from uuid6 import uuid7

from store_forward.contract.wire import LeaseRequest, LeaseReturn, Outcome, SlotLease
from store_forward.gateway.catalogue import Catalogue
from store_forward.gateway.clinic import SellingDay
from tests.fakes.journal_of import JournalOf
from tests.postgres.places import Place
from tests.unit.gateway.bench import (
    KIOSK,
    MORNING,
    OTHER_KIOSK,
    TERMS,
    GatewayBench,
    OrderStory,
    outcomes,
    small_clinic,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
BEFORE_OPENING = MORNING - timedelta(hours=2)
"""07:00 in the clinic: slots of ten minutes run from 08:00 to 12:00."""

DOCTOR = "NK01"


@pytest.fixture(name="bench")
def _bench(place: Place) -> Iterator[GatewayBench]:
    bench = GatewayBench(place, small_clinic(minutes=10, sells_past_slots=False))
    bench.now = BEFORE_OPENING
    yield bench
    bench.close()


def start_of(lease: SlotLease) -> datetime:
    return datetime.fromisoformat(f"2026-03-02T{lease.start}").replace(tzinfo=SHANGHAI)


def end_of(lease: SlotLease) -> datetime:
    return datetime.fromisoformat(lease.expires_at)


def starts(leases: tuple[SlotLease, ...]) -> list[str]:
    return [lease.start for lease in leases if lease.doctor_code == DOCTOR]


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, 2, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.parametrize("minutes_between", [3, 10, 17, 60])
def test_all_day_long_the_kiosk_has_coming_slots_and_no_past_ones(
    bench: GatewayBench, minutes_between: int
) -> None:
    bench.now = at(7, 1)
    while bench.now < at(13):
        leases = bench.lease(wanted=3)
        assert all(bench.now < end_of(lease) <= start_of(lease) for lease in leases)
        bookable = [each for each in leases if start_of(each) > bench.now + TERMS.notice]
        to_come = sum(
            at(8) + timedelta(minutes=10 * number) > bench.now + TERMS.notice
            for number in range(24)
        )
        assert len(starts(tuple(bookable))) >= min(3, to_come)
        bench.now += timedelta(minutes=minutes_between)


def test_a_lease_ends_when_its_slot_starts(bench: GatewayBench) -> None:
    assert {end_of(each) - start_of(each) for each in bench.lease(wanted=3)} == {timedelta(0)}


def test_a_lease_still_ends_with_its_term_when_the_slot_is_far_off(bench: GatewayBench) -> None:
    bench.now = at(1)
    assert {end_of(each) for each in bench.lease(wanted=3)} == {at(1) + TERMS.duration}


def test_renewing_a_lease_does_not_carry_it_past_its_slot(bench: GatewayBench) -> None:
    bench.lease(wanted=3)
    bench.now = at(7, 50)
    assert {end_of(each) - start_of(each) for each in bench.lease(wanted=3)} == {timedelta(0)}


def test_held_slots_that_have_passed_make_room_for_coming_ones(bench: GatewayBench) -> None:
    assert starts(bench.lease(wanted=3)) == ["08:00", "08:10", "08:20"]
    bench.now = at(8, 15)
    assert starts(bench.lease(wanted=3)) == ["08:20", "08:30", "08:40"]


def test_a_slot_about_to_start_is_not_counted_as_one_that_can_be_sold(
    bench: GatewayBench,
) -> None:
    bench.lease(wanted=2)
    bench.now = at(7, 59)
    assert starts(bench.lease(wanted=2)) == ["08:00", "08:10", "08:20"]


def test_past_slots_once_held_are_not_granted_anew(bench: GatewayBench) -> None:
    bench.lease(wanted=24)
    bench.now = at(11, 45)
    assert starts(bench.lease(wanted=24)) == ["11:50"]
    bench.now = at(18)
    assert bench.lease(wanted=24) == ()


def test_slots_given_back_after_their_time_stay_unsold(bench: GatewayBench) -> None:
    leases = bench.lease(wanted=3)
    bench.now = at(9)
    bench.catalogue.give_back(LeaseReturn(KIOSK, tuple(each.lease_id for each in leases)))
    assert starts(bench.lease(wanted=1)) == ["09:10"]


def test_a_repeated_request_does_not_tell_of_past_slots(bench: GatewayBench) -> None:
    request = LeaseRequest(KIOSK, "r-1", 3)
    bench.catalogue.lease(request)
    bench.now = at(8, 15)
    assert starts(bench.catalogue.lease(request).leases) == ["08:20"]


def test_a_sale_made_in_time_counts_however_late_it_arrives(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    OrderStory(journal, bench.lease(wanted=1)[0], "o-1").confirms()
    bench.now = at(17)
    bench.lease(KIOSK, 24)
    bench.lease(OTHER_KIOSK, 24)
    assert outcomes(bench.send(journal)) == [Outcome.ACCEPTED]


def test_a_lease_given_under_longer_terms_is_told_no_longer_than_its_slot(
    place: Place,
) -> None:
    bench = GatewayBench(place, small_clinic(minutes=10, sells_past_slots=True))
    bench.now = BEFORE_OPENING
    assert {end_of(each) for each in bench.lease(wanted=3)} == {BEFORE_OPENING + TERMS.duration}
    strict = small_clinic(minutes=10, sells_past_slots=False)
    catalogue = Catalogue(bench.database, strict, bench.time, lambda: str(uuid7()), TERMS)
    bench.now = at(8, 15)
    told = catalogue.give_back(LeaseReturn(KIOSK, ())).leases
    bench.close()
    assert starts(told) == ["08:20"]
    assert {end_of(each) - start_of(each) for each in told} == {timedelta(0)}


def test_the_start_is_the_clinics_local_time() -> None:
    day = SellingDay("2026-03-02", ZoneInfo("Asia/Urumqi"), sells_past_slots=False)
    assert day.starts_at("10:00") == datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_over_the_first_time() -> None:
    day = SellingDay("2026-10-25", ZoneInfo("Europe/Berlin"), sells_past_slots=False)
    assert day.starts_at("02:30") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
