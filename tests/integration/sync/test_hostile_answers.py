"""Answers that a server or proxy gone mad could give: they are refused, and sync works on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from store_forward.contract.wire import SlotLease
from tests.fakes.faulty_front import Fault, FaultyFront, Refuse, Replace, Reply
from tests.fakes.kiosk_in_sync import KioskInSync
from tests.fakes.running_gateway import RunningGateway
from tests.integration.sync.books import expect_all_recorded_once

DEEP = b'{"surprise":' + b"[" * 60_000
LONG = b'{"status":' + b"9" * 60_000 + b"}"
LEASE = SlotLease("l-1", "s-1", "c-1", "d-1", 1, "08:00", "09:00", "2026-03-02T01:00:00Z", 1)


class RefuseWith(Refuse):
    """A refusal whose body is no problem document."""

    def __init__(self, body: bytes) -> None:
        super().__init__(502)
        self.body = body

    def on_answer(self, answer: Reply) -> Reply:
        return Reply(self.status, self.body)


def one_lease(**changes: Any) -> bytes:
    lease = {**msgspec.to_builtins(LEASE), **changes}
    return msgspec.json.encode({"leases": [lease], "now": "2026-03-02T00:00:00Z"})


@pytest.mark.parametrize(
    "path",
    [
        "/v1/health",
        "/v1/streams",
        "/v1/batches",
        "/v1/allotments/lease",
        "/v1/reference/doctors",
    ],
)
@pytest.mark.parametrize(
    "fault",
    [Replace(DEEP), Replace(LONG), RefuseWith(DEEP), RefuseWith(LONG)],
    ids=["deep", "long", "refusal, deep", "refusal, long"],
)
def test_what_is_nested_too_deep_or_counts_too_far_is_no_answer(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront, path: str, fault: Fault
) -> None:
    kiosk.record_starts(3)
    front.victim, front.faults = path, [fault]
    kiosk.step_until(lambda: not front.faults)
    kiosk.drain()
    expect_all_recorded_once(gateway, kiosk, 3)


@pytest.mark.parametrize(
    "body",
    [
        one_lease(fencing=10**30),
        one_lease(fencing=-1),
        one_lease(expires_at="0001-01-01T00:00:00+14:00"),
        one_lease(expires_at="9999-12-31T23:59:59-14:00"),
    ],
    ids=["no such token", "negative token", "year 0", "year 10000"],
)
def test_leases_that_cannot_be_are_not_taken(
    kiosk: KioskInSync, front: FaultyFront, body: bytes
) -> None:
    front.victim, front.faults = "/v1/allotments/lease", [Replace(body)]
    kiosk.step_until(lambda: not front.faults)
    assert kiosk.core.allotments.unsold() == ()
    kiosk.step_until(lambda: kiosk.core.allotments.as_of() is not None)
    assert len(kiosk.core.allotments.unsold()) > 1
