"""What is kept for core."""

from __future__ import annotations

from devices.messages import (
    CardRemoved,
    DeviceKind,
    DeviceState,
    DeviceStatus,
    Event,
    NoteInEscrow,
    NoteLocated,
    NoteOutcome,
    NoteReturned,
    NoteStacked,
    PrintFinished,
    PrintOutcome,
)
from firmware.supervisor.deliveries import MOST_KEPT, Deliveries

KEPT: list[Event] = [
    NoteInEscrow(device="cash", note_id="n1", amount_fen=2000),
    NoteStacked(device="cash", note_id="n1", amount_fen=2000),
    NoteReturned(device="cash", note_id="n2", amount_fen=2000),
    NoteLocated(device="cash", note_id="n2", outcome=NoteOutcome.RETURNED),
    PrintFinished(device="printer", job_id="j1", outcome=PrintOutcome.COMPLETED),
]


def test_money_and_paper_are_kept_in_order_until_acknowledged() -> None:
    deliveries = Deliveries("boot-1")
    added = [deliveries.add(event) for event in KEPT]
    assert deliveries.kept() == tuple(added)
    assert deliveries.acknowledge("boot-1", added[1].number)
    assert deliveries.kept() == (added[0], *added[2:])


def test_states_and_cards_are_not_kept() -> None:
    deliveries = Deliveries("boot-1")
    deliveries.add(CardRemoved(device="reader"))
    deliveries.add(
        DeviceStatus(device="reader", kind=DeviceKind.ID_READER, state=DeviceState.ONLINE)
    )
    assert deliveries.kept() == ()


def test_an_acknowledgement_counts_once_and_only_in_its_own_run() -> None:
    deliveries = Deliveries("boot-2")
    number = deliveries.add(KEPT[1]).number
    assert not deliveries.acknowledge("boot-1", number)
    assert not deliveries.acknowledge("boot-2", number + 1)
    assert deliveries.acknowledge("boot-2", number)
    assert not deliveries.acknowledge("boot-2", number)


def test_a_core_that_acknowledges_nothing_is_noticed_and_nothing_is_dropped() -> None:
    assert not filled(MOST_KEPT - 1).is_full
    deliveries = filled(MOST_KEPT + 1)
    assert deliveries.is_full
    assert len(deliveries.kept()) == MOST_KEPT + 1


def filled(count: int) -> Deliveries:
    deliveries = Deliveries("boot-1")
    for _ in range(count):
        deliveries.add(KEPT[1])
    return deliveries
