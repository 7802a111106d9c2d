"""The wanted state of a card reader."""

from __future__ import annotations

from devices.messages import CardRemoved, StackNote, StartCardReading, StopCardReading
from firmware.supervisor.desk import ForCore, ForWorker
from firmware.supervisor.reader_desk import ReaderDesk

START = StartCardReading(device="reader")
STOP = StopCardReading(device="reader")


def test_reading_starts_again_with_every_new_worker_until_it_is_stopped() -> None:
    desk = ReaderDesk("reader")
    assert desk.execute(START, 0.0) == ()
    assert desk.worker_up(1.0) == (ForWorker(START),)
    desk.worker_gone("crash", 2.0)
    assert desk.worker_up(3.0) == (ForWorker(START),)
    assert desk.execute(STOP, 4.0) == (ForWorker(STOP),)
    desk.worker_gone("crash", 5.0)
    assert desk.worker_up(6.0) == ()


def test_no_card_is_read_for_nobody() -> None:
    desk = ReaderDesk("reader")
    desk.worker_up(0.0)
    desk.execute(START, 0.0)
    assert desk.core_gone(1.0) == (ForWorker(STOP),)
    assert desk.core_gone(2.0) == ()


def test_events_pass_and_foreign_commands_do_nothing() -> None:
    desk = ReaderDesk("reader")
    desk.worker_up(0.0)
    removed = CardRemoved(device="reader")
    assert desk.heard(removed, 0.0) == (ForCore(removed),)
    assert desk.execute(StackNote(device="reader", note_id="n"), 0.0) == ()
    assert desk.elapsed(9.0) == ()
    assert desk.wake_at is None
