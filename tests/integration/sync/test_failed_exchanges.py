"""Sync against the real gateway, through a front that misbehaves on demand.

Whatever happens to a request: the kiosk's queue is intact, and in the end the gateway has every
entry exactly once.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.store.sending.outbox import Standing
from store_forward.sync.client import MAX_ANSWER_BYTES
from tests.fakes.faulty_front import (
    Fault,
    FaultyFront,
    LoseAnswer,
    LoseRequest,
    Refuse,
    Replace,
    Rewrite,
    Silence,
    Truncate,
)
from tests.fakes.kiosk_in_sync import KioskInSync
from tests.fakes.running_gateway import RunningGateway, running_gateway
from tests.integration.sync.books import DEVICE, connect, expect_all_recorded_once, recorded
from tests.postgres.places import Places

PASSING = {
    "request lost": LoseRequest(),
    "answer lost after the commit": LoseAnswer(),
    "answer cut off": Truncate(),
    "answer is not JSON": Replace(b"<html>Welcome to the ward's Wi-Fi</html>"),
    "answer is other JSON": Replace(b'{"results": [], "receipt": null}'),
    "answer is not UTF-8": Replace(b'{"\xff'),
    "answer is empty": Replace(b""),
    "answer is endless": Replace(b" " * (MAX_ANSWER_BYTES + 1)),
    "answer is compressed": Replace(b"\x1f\x8b", content_encoding="gzip"),
    "receipt is forged": Rewrite(b'"key_id":"gateway-1"', b'"key_id":"gateway-2"'),
    "receipt acknowledges more": Rewrite(b'"ack_seq":5', b'"ack_seq":6'),
    "results are missing": Rewrite(b'"results":[{"seq":1', b'"results":[{"seq":2'),
    "redirect": Refuse(302, location="https://elsewhere.example/"),
    "unsigned": Refuse(401, "unsigned"),
    "other device": Refuse(403, "other_device"),
    "not found": Refuse(404, "not_found"),
    "too slow": Refuse(408, "timeout"),
    "conflict": Refuse(409, "history_differs"),
    "too large": Refuse(413, "too_large"),
    "invalid": Refuse(422, "invalid"),
    "malformed": Refuse(400, "malformed"),
    "too many": Refuse(429, "busy", retry_after="7"),
    "fault": Refuse(500, "internal"),
    "bad gateway": Refuse(502),
    "unavailable": Refuse(503, "database_unavailable", retry_after="2"),
}


@pytest.mark.parametrize("name", PASSING)
def test_the_queue_survives_one_failed_exchange(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront, name: str
) -> None:
    kiosk.record_starts(5)
    front.faults = [PASSING[name]]
    kiosk.step_until(lambda: "/v1/batches" in front.requests)
    assert kiosk.waiting == 5, "nothing is acknowledged by a failed exchange"
    assert kiosk.core.journal.verify() is None
    kiosk.drain()
    expect_all_recorded_once(gateway, kiosk, 5)
    kiosk.step_until(lambda: kiosk.status.online)


def test_many_failures_in_a_row_show_as_offline_until_facts_are_taken_again(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront
) -> None:
    kiosk.record_starts(5)
    faults: list[Fault] = [Refuse(500, "internal"), LoseAnswer(), Truncate(), Refuse(503)]
    front.faults = faults * 2
    kiosk.step_until(lambda: not front.faults)
    assert not kiosk.status.online
    kiosk.drain()
    kiosk.step_until(lambda: kiosk.status.online)
    expect_all_recorded_once(gateway, kiosk, 5)


def test_no_answer_in_time_leads_to_the_same_entries_again(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront
) -> None:
    kiosk.record_starts(5)
    silence = Silence()
    front.faults = [silence]
    kiosk.step_until(lambda: "/v1/batches" in front.requests)
    silence.go_on.set()
    assert kiosk.waiting == 5
    assert len(recorded(gateway, kiosk)) == 5, "the gateway committed before the time-out"
    kiosk.drain()
    expect_all_recorded_once(gateway, kiosk, 5)


def test_an_entry_the_gateway_refuses_is_parked_for_staff_and_goes_out_when_mended(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront
) -> None:
    kiosk.record_starts(1)
    front.faults = [Refuse(422, "invalid"), Refuse(422, "invalid")]
    kiosk.step_until(lambda: not front.faults)
    (standout,) = kiosk.core.outbox.exceptions()
    assert (standout.seq, standout.state, standout.code) == (1, Standing.PARKED, "invalid")
    assert kiosk.waiting == 1
    assert kiosk.status.online, "an entry that is refused is no trouble of the network"
    kiosk.drain()
    assert kiosk.core.outbox.exceptions() == []
    expect_all_recorded_once(gateway, kiosk, 1)


def test_a_cut_network_is_seen_without_waiting_for_the_next_probe(
    kiosk: KioskInSync, front: FaultyFront
) -> None:
    kiosk.step_until(lambda: kiosk.core.reference.freshness("schedules") is not None)
    cut_at = kiosk.watch.seconds
    front.cut()
    kiosk.step_until(lambda: not kiosk.status.online)
    assert kiosk.watch.seconds - cut_at <= 1.0
    assert kiosk.status.reason == "no_connection"


def test_facts_recorded_while_cut_off_arrive_after_the_return(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront
) -> None:
    kiosk.step_until(lambda: kiosk.status.online)
    front.cut()
    kiosk.step_until(lambda: not kiosk.status.online)
    kiosk.record_starts(7)
    kiosk.watch.seconds += 3600.0
    kiosk.step()
    assert kiosk.waiting == 7
    returned_at = kiosk.watch.seconds
    front.open()
    kiosk.step_until(lambda: kiosk.status.online)
    assert kiosk.watch.seconds - returned_at <= 3.5
    kiosk.drain()
    expect_all_recorded_once(gateway, kiosk, 7)


def test_a_power_cut_between_commit_and_receipt_costs_nothing(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront, key: Ed25519PrivateKey
) -> None:
    kiosk.record_starts(5)
    front.faults = [LoseAnswer()]
    kiosk.step_until(lambda: "/v1/batches" in front.requests)
    connect(kiosk, front, key)
    assert not kiosk.status.online, "a fresh start has not seen the gateway yet"
    kiosk.drain()
    expect_all_recorded_once(gateway, kiosk, 5)


def test_a_gateway_restored_from_a_backup_gets_the_lost_entries_again(
    kiosk: KioskInSync, tmp_path: Path, places: Places
) -> None:
    directory = tmp_path / "second"
    with places.new() as place, running_gateway(directory, place=place) as second:
        second_key = second.enrol(DEVICE)
        kiosk.record_starts(60)
        kiosk.connect(second.url, second.authority, second.receipt_key, second_key)
        kiosk.drain()
        kiosk.hang_up()
    for file in directory.glob("gateway.db*"):
        file.unlink()
    with places.new() as backup, running_gateway(directory, place=backup) as restored:
        kiosk.connect(restored.url, restored.authority, restored.receipt_key, second_key)
        kiosk.record_starts(1)
        kiosk.step_until(lambda: len(recorded(restored, kiosk)) == 61)
        kiosk.drain()
        expect_all_recorded_once(restored, kiosk, 61)
        kiosk.hang_up()


@pytest.mark.parametrize(
    "fault", [LoseAnswer(), Truncate(), Refuse(503)], ids=["lost", "cut", "503"]
)
def test_a_lease_request_keeps_its_id_until_it_is_answered(
    kiosk: KioskInSync, front: FaultyFront, fault: Fault
) -> None:
    front.victim, front.faults = "/v1/allotments/lease", [fault]
    kiosk.step_until(lambda: kiosk.core.allotments.as_of() is not None)
    first, second = front.bodies_to("/v1/allotments/lease")
    assert first == second
    kiosk.watch.seconds += 100.0
    kiosk.step_until(lambda: len(front.bodies_to("/v1/allotments/lease")) == 3)
    assert front.bodies_to("/v1/allotments/lease")[2] != first


@pytest.mark.parametrize(
    "body",
    [
        b'{"set":"doctors","cursor":"x","as_of":"y","changes":[{"key":"D1","record":{"code":1}}]}',
        b'{"set":"departments","cursor":"x","as_of":"y","changes":[]}',
        b"[]",
    ],
    ids=["unusable record", "another set", "not a page"],
)
def test_bad_reference_data_changes_nothing_and_stops_nothing_else(
    kiosk: KioskInSync, front: FaultyFront, body: bytes
) -> None:
    front.victim, front.faults = "/v1/reference/doctors", [Replace(body)]
    kiosk.step_until(lambda: kiosk.core.reference.freshness("schedules") is not None)
    assert kiosk.core.reference.load_departments()
    assert kiosk.core.reference.load_doctors() == ()
    assert kiosk.status.online
    kiosk.step_until(lambda: kiosk.core.reference.freshness("doctors") is not None)
    assert kiosk.core.reference.load_doctors()
