"""Sync against the real gateway over real TLS while all is well."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime

import pytest

from store_forward.contract.facts import (
    NoteCredited,
    NoteEscrowed,
    PatientIdentity,
    RegistrationConfirmed,
    RegistrationPaid,
)
from store_forward.store.sending.outbox import Standing
from store_forward.sync.service import run_service
from tests.fakes.faulty_front import Close, Fault, FaultyFront, FrontHandler
from tests.fakes.kiosk_in_sync import KioskInSync
from tests.fakes.running_gateway import RunningGateway
from tests.integration.sync.books import expect_all_recorded_once


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


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_a_proxy_that_keeps_no_connection_open_delays_nothing(
    gateway: RunningGateway,
    kiosk: KioskInSync,
    front: FaultyFront,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
) -> None:
    monkeypatch.setattr(FrontHandler, "protocol_version", version)
    front.usual = Close() if version == "HTTP/1.1" else Fault()
    kiosk.record_starts(400)
    kiosk.drain()
    expect_all_recorded_once(gateway, kiosk, 400)
    assert kiosk.status.online
    assert front.requests.count(mark_of(kiosk)) == 1, "its closing tells nothing of the gateway"


def test_the_end_of_a_connection_that_was_kept_is_a_reason_to_ask_for_the_mark(
    kiosk: KioskInSync, front: FaultyFront
) -> None:
    kiosk.step_until(lambda: kiosk.core.reference.freshness("schedules") is not None)
    front.faults = [Close()]
    kiosk.record_starts(1)
    kiosk.step_until(lambda: not front.faults)
    kiosk.record_starts(1)
    kiosk.drain()
    assert front.requests[-2:] == [mark_of(kiosk), "/v1/batches"]


def mark_of(kiosk: KioskInSync) -> str:
    return f"/v1/streams/{kiosk.store.identity.incarnation}"


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
