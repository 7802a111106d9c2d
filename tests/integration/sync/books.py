"""The kiosk's way to the gateway, and what both sides have on their books."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from store_forward.gateway.tables import inbox
from tests.fakes.faulty_front import FaultyFront
from tests.fakes.kiosk_in_sync import KioskInSync
from tests.fakes.running_gateway import RunningGateway

DEVICE = "QH-K01"


def connect(kiosk: KioskInSync, front: FaultyFront, key: Ed25519PrivateKey) -> None:
    kiosk.connect(front.url, front.gateway.authority, front.gateway.receipt_key, key)


def recorded(gateway: RunningGateway, kiosk: KioskInSync) -> list[tuple[int, str]]:
    """What the gateway has of this kiosk's store: seq and outcome, in order."""
    rows = (
        select(inbox.c.seq, inbox.c.outcome)
        .where(inbox.c.incarnation == kiosk.store.identity.incarnation)
        .order_by(inbox.c.seq)
    )
    with gateway.database.read() as connection:
        return [(row.seq, row.outcome) for row in connection.execute(rows)]


def expect_all_recorded_once(gateway: RunningGateway, kiosk: KioskInSync, count: int) -> None:
    assert kiosk.waiting == 0
    assert recorded(gateway, kiosk) == [(seq, "accepted") for seq in range(1, count + 1)]
    assert kiosk.core.outbox.acked_seq() == count
    assert kiosk.core.journal.verify() is None
