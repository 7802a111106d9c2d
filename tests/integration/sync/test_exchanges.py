"""Sync against the real gateway over real TLS, through a front that misbehaves on demand.

Whatever happens to a request: the kiosk's queue is intact, and in the end the gateway has every
entry exactly once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.facts import (
    NoteCredited,
    NoteEscrowed,
    PatientIdentity,
    RegistrationConfirmed,
    RegistrationPaid,
)
from store_forward.contract.keys import public_pem
from store_forward.gateway.certificates import make_certificates
from store_forward.store.outbox import Standing
from store_forward.sync.client import MAX_ANSWER_BYTES
from store_forward.sync.service import run_service
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
    faulty_front,
)
from tests.fakes.kiosk_in_sync import KioskInSync, kiosk_in_sync
from tests.fakes.running_gateway import RunningGateway, running_gateway

DEVICE = "QH-K01"


@pytest.fixture(name="gateway", scope="module")
def _gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path_factory.mktemp("gateway") / "gateway") as running:
        yield running


@pytest.fixture(name="front")
def _front(gateway: RunningGateway) -> Iterator[FaultyFront]:
    with faulty_front(gateway) as front:
        yield front


@pytest.fixture(name="key", scope="module")
def _key(gateway: RunningGateway) -> Ed25519PrivateKey:
    return gateway.enrol(DEVICE)


@pytest.fixture(name="kiosk")
def _kiosk(tmp_path: Path, front: FaultyFront, key: Ed25519PrivateKey) -> Iterator[KioskInSync]:
    """Every test has a kiosk with a store of its own: another incarnation of one device."""
    with kiosk_in_sync(tmp_path / "store.db", DEVICE) as kiosk:
        connect(kiosk, front, key)
        yield kiosk


def connect(kiosk: KioskInSync, front: FaultyFront, key: Ed25519PrivateKey) -> None:
    kiosk.connect(front.url, front.gateway.authority, front.gateway.receipt_key, key)


def recorded(gateway: RunningGateway, kiosk: KioskInSync) -> list[tuple[int, str]]:
    """What the gateway has of this kiosk's store: seq and outcome, in order."""
    with closing(sqlite3.connect(gateway.directory / "gateway.db")) as database:
        return list(
            database.execute(
                "SELECT seq, outcome FROM inbox WHERE incarnation = ? ORDER BY seq",
                (kiosk.store.identity.incarnation,),
            )
        )


def expect_all_recorded_once(gateway: RunningGateway, kiosk: KioskInSync, count: int) -> None:
    assert kiosk.waiting == 0
    assert recorded(gateway, kiosk) == [(seq, "accepted") for seq in range(1, count + 1)]
    assert kiosk.core.outbox.acked_seq() == count
    assert kiosk.core.journal.verify() is None


def test_a_start_brings_leases_reference_data_and_the_gateways_clock(kiosk: KioskInSync) -> None:
    kiosk.step_until(lambda: kiosk.core.reference.freshness("schedules") is not None)
    assert kiosk.status.online
    assert kiosk.status.reason == ""
    assert kiosk.status.clock_offset_seconds == pytest.approx(0.0, abs=30.0)
    assert len(kiosk.core.reference.load_departments()) >= 16
    assert kiosk.core.reference.load_doctors()
    assert kiosk.core.allotments.sellable(datetime.now(UTC))


def test_facts_are_sent_when_core_writes_them(gateway: RunningGateway, kiosk: KioskInSync) -> None:
    kiosk.step_until(lambda: kiosk.status.online)
    kiosk.record_starts(3)
    kiosk.drain()
    expect_all_recorded_once(gateway, kiosk, 3)


def test_a_long_queue_is_drained_in_growing_batches(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront
) -> None:
    kiosk.record_starts(400)
    kiosk.drain()
    expect_all_recorded_once(gateway, kiosk, 400)
    assert front.requests.count("/v1/batches") == 4, "50, 100, 200 and the rest"


def test_a_paid_registration_on_a_leased_slot_is_accepted_at_the_his(
    gateway: RunningGateway, kiosk: KioskInSync
) -> None:
    kiosk.step_until(lambda: kiosk.core.reference.freshness("schedules") is not None)
    slot = kiosk.core.allotments.sellable(datetime.now(UTC))[0]
    doctor = next(
        each for each in kiosk.core.reference.load_doctors() if each.code == slot.doctor_code
    )
    patient = PatientIdentity(
        "测试甲", "resident", "11010519491231002X", "1", "1949-12-31", "A-P1", True
    )
    (confirmed,) = kiosk.record(
        RegistrationConfirmed(
            order_id="order-1",
            patient=patient,
            department_code=doctor.department_code,
            doctor_code=doctor.code,
            slot_id=slot.slot_id,
            slot_number=slot.number,
            slot_start=slot.start,
            slot_end=slot.end,
            lease_id=slot.lease_id,
            fencing=slot.fencing,
            fee_fen=doctor.fee_fen,
        )
    )
    kiosk.record(
        NoteEscrowed("order-1", "note-1", 10_000),
        NoteCredited("order-1", "note-1", 10_000),
        RegistrationPaid("order-1", doctor.fee_fen, 10_000, 10_000 - doctor.fee_fen, "A-0302-0001"),
        depends_on=(confirmed.id,),
    )
    assert kiosk.core.outbox.outcome_of_order("order-1") is Standing.RECORDED
    kiosk.drain()
    expect_all_recorded_once(gateway, kiosk, 4)
    assert kiosk.core.outbox.outcome_of_order("order-1") is Standing.ACCEPTED


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
    kiosk.step_until(lambda: not kiosk.status.online)
    assert kiosk.status.reason == "entry_refused"
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


def test_another_authoritys_gateway_gets_nothing(
    kiosk: KioskInSync, front: FaultyFront, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    other = make_certificates(tmp_path, datetime.now(UTC))
    kiosk.record_starts(5)
    kiosk.connect(front.url, other.authority, front.gateway.receipt_key, key)
    for _ in range(10):
        kiosk.step()
    assert not kiosk.status.online
    assert kiosk.status.reason == "wrong_authority"
    assert front.requests == []
    assert kiosk.waiting == 5


def test_receipts_of_another_key_acknowledge_nothing(
    kiosk: KioskInSync, front: FaultyFront, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign.pem"
    foreign.write_bytes(public_pem(Ed25519PrivateKey.generate().public_key()))
    kiosk.record_starts(5)
    kiosk.connect(front.url, front.gateway.authority, foreign, key)
    kiosk.step_until(lambda: kiosk.status.reason == "forged_receipt")
    assert not kiosk.status.online
    assert kiosk.waiting == 5


def test_a_kiosk_that_is_not_enrolled_keeps_its_queue_until_it_is(
    gateway: RunningGateway, front: FaultyFront, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    with kiosk_in_sync(tmp_path / "store.db", "QH-K09") as kiosk:
        connect(kiosk, front, key)
        kiosk.record_starts(5)
        kiosk.step_until(lambda: kiosk.status.reason == "not_recognised")
        assert kiosk.waiting == 5
        pem = public_pem(key.public_key())
        (gateway.directory / "enrolled" / "QH-K09.pem").write_bytes(pem)
        kiosk.drain()
        kiosk.step_until(lambda: kiosk.status.online)
        expect_all_recorded_once(gateway, kiosk, 5)


def test_a_gateway_restored_from_a_backup_gets_the_lost_entries_again(
    kiosk: KioskInSync, front: FaultyFront, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    with running_gateway(tmp_path / "second") as second:
        second_key = second.enrol(DEVICE)
        kiosk.record_starts(60)
        kiosk.connect(second.url, second.authority, second.receipt_key, second_key)
        kiosk.drain()
        kiosk.hang_up()
    for file in (tmp_path / "second").glob("gateway.db*"):
        file.unlink()
    with running_gateway(tmp_path / "second") as restored:
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


def test_sigterm_ends_the_service_in_order(kiosk: KioskInSync) -> None:
    def notify(state: str) -> None:
        kiosk.told_systemd.append(state)
        if state == "WATCHDOG=1" and kiosk.waiting == 0:
            os.kill(os.getpid(), signal.SIGTERM)

    kiosk.record_starts(5)
    kiosk.notify = notify
    assert kiosk.service is not None
    run_service(kiosk.service)
    assert kiosk.told_systemd[-1] == "STOPPING=1"
    assert kiosk.status.reason == "stopped"


def test_the_running_service_drains_tells_systemd_and_says_when_it_stops(
    gateway: RunningGateway, kiosk: KioskInSync
) -> None:
    async def live() -> None:
        assert kiosk.service is not None
        task = asyncio.create_task(kiosk.service.run())
        kiosk.record_starts(5)
        await asyncio.wait_for(kiosk.until_drained(), 10)
        assert kiosk.status.online
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    kiosk.runner.run(live())
    expect_all_recorded_once(gateway, kiosk, 5)
    assert (kiosk.status.online, kiosk.status.reason) == (False, "stopped")
    assert kiosk.told_systemd[0] == "READY=1"
    assert "WATCHDOG=1" in kiosk.told_systemd
    assert kiosk.told_systemd[-1] == "STOPPING=1"
