"""Reference data as deltas with tombstones, from a file to a kiosk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from store_forward.contract.wire import Department, Doctor, ReferencePage, Schedule
from store_forward.gateway.database import Database, open_database
from store_forward.gateway.problems import Refused
from store_forward.gateway.reference import publish, read_page, set_epoch
from tests.postgres.places import Place
from tests.unit.gateway.bench import MORNING, GatewayBench


@pytest.fixture(name="database")
def _database(place: Place) -> Iterator[Database]:
    database = open_database(place)
    with database.write() as connection:
        set_epoch(connection, "epoch1")
    yield database
    database.close()


def put(database: Database, **records: str) -> int:
    with database.write() as connection:
        return publish(
            connection, "doctors", {key: b'"%s"' % text.encode() for key, text in records.items()}
        )


def page(database: Database, since: str | None = None) -> ReferencePage:
    with database.read() as connection:
        return read_page(connection, "doctors", since, MORNING)


def changes(page: ReferencePage) -> dict[str, str | None]:
    return {
        change.key: msgspec.json.decode(change.record) if change.record is not None else None
        for change in page.changes
    }


def test_a_new_kiosk_gets_everything(database: Database) -> None:
    put(database, A="1", B="2")
    assert changes(page(database)) == {"A": "1", "B": "2"}
    assert changes(page(database, "")) == {"A": "1", "B": "2"}


def test_after_its_cursor_a_kiosk_gets_only_what_changed(database: Database) -> None:
    put(database, A="1", B="2")
    cursor = page(database).cursor
    assert page(database, cursor).changes == ()
    assert put(database, A="1", B="3", C="4") == 2
    assert changes(page(database, cursor)) == {"B": "3", "C": "4"}


def test_what_disappears_from_the_file_becomes_a_tombstone(database: Database) -> None:
    put(database, A="1", B="2")
    cursor = page(database).cursor
    put(database, B="2")
    assert changes(page(database, cursor)) == {"A": None}
    put(database, A="1", B="2")
    assert changes(page(database, cursor)) == {"A": "1"}


def test_a_tombstone_survives_the_wire(database: Database) -> None:
    put(database, A="1")
    cursor = page(database).cursor
    put(database)
    sent = msgspec.json.encode(page(database, cursor))
    assert changes(msgspec.json.decode(sent, type=ReferencePage)) == {"A": None}


def test_a_cursor_of_another_database_gets_everything(database: Database) -> None:
    put(database, A="1")
    assert changes(page(database, "epoch9.500")) == {"A": "1"}
    assert changes(page(database, "epoch1.500")) == {"A": "1"}


@pytest.mark.parametrize(
    "cursor", ["7", "x.y", "epoch1.-1", "epoch1.", "epoch1.٣", "e." + "9" * 99]
)
def test_what_is_no_cursor_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(Refused) as caught:
        page(database, cursor)
    assert (caught.value.problem.status, caught.value.problem.code) == (422, "bad_cursor")


def test_many_changes_come_in_pages_that_lose_nothing(database: Database) -> None:
    put(database, **{f"K{number}": str(number) for number in range(1100)})
    seen: dict[str, str | None] = {}
    cursor, pages, complete = None, 0, False
    while not complete:
        got = page(database, cursor)
        seen |= changes(got)
        cursor, pages, complete = got.cursor, pages + 1, got.complete
    assert (len(seen), pages) == (1100, 3)


def test_the_clinic_is_published_with_its_timetable_of_today(bench: GatewayBench) -> None:
    types = {"departments": Department, "doctors": Doctor, "schedules": Schedule}
    counts = {}
    for name, kind in types.items():
        records = [change.record for change in bench.catalogue.page(name, None).changes]
        counts[name] = [msgspec.json.decode(record or b"", type=kind) for record in records]
    assert {name: len(each) for name, each in counts.items()} == {
        "departments": 1,
        "doctors": 2,
        "schedules": 2,
    }


def test_another_day_has_another_timetable(bench: GatewayBench) -> None:
    today = bench.catalogue.page("schedules", None)
    bench.now += timedelta(days=1)
    tomorrow = bench.catalogue.page("schedules", today.cursor).changes
    gone = {change.key for change in tomorrow if change.record is None}
    new = {change.key for change in tomorrow if change.record is not None}
    assert gone == {change.key for change in today.changes}
    assert all(key.startswith("2026-03-03.") for key in new)
    assert len(new) == 2


def test_an_unknown_set_is_refused(bench: GatewayBench) -> None:
    with pytest.raises(Refused) as caught:
        bench.catalogue.page("recipes", None)
    assert caught.value.problem.status == 404
