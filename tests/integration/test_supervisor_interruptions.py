"""What was going on at a device when its worker died or core went away."""

from __future__ import annotations

from pathlib import Path

from devices.messages import (
    CardRead,
    DeviceState,
    EndCashIn,
    Event,
    NoteLocated,
    NoteOutcome,
    PrintFinished,
    PrintOutcome,
    PrintSlip,
    QueryNote,
    StartCardReading,
    StartCashIn,
    StopCardReading,
)
from tests.fakes import made_up_clinic as clinic
from tests.fakes.steered_service import CASH, PRINTER, READER, Bench, bench, play_on, stacked
from tests.fakes.steering_end import SteeringEnd


def test_when_core_goes_away_no_more_notes_are_taken_and_a_late_result_is_kept(
    tmp_path: Path,
) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        start = StartCashIn(device="it", accept_fen=(2000,))
        core.execute(start)
        await it.port.hears_command(start)
        await it.stacks_note_n1(core)
        await core.close()
        await it.port.hears_command(EndCashIn(device="it"))
        it.port.say(stacked())
        core = await it.core()
        await core.delivery(lambda event: event == stacked())

    play_on(bench(tmp_path, CASH), scenario)


def test_cash_in_goes_on_after_a_restart_of_the_worker(tmp_path: Path) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        start = StartCashIn(device="it", accept_fen=(1000, 2000))
        core.execute(start)
        await it.port.hears_command(start)
        it.port.tell("crash")
        await it.port.hears("born")
        await it.port.hears_command(start)

    play_on(bench(tmp_path, CASH), scenario)


def test_the_successor_of_a_dead_worker_settles_its_note_and_the_note_gets_its_name_back(
    tmp_path: Path,
) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        await it.stacks_note_n1(core)
        it.port.tell("crash")
        await it.port.hears("born")
        core.execute(QueryNote(device="it", note_id="n1"))
        it.port.say(stacked(None))
        await core.delivery(lambda event: event == stacked("n1"))
        located = NoteLocated(device="it", note_id="n1", outcome=NoteOutcome.STACKED)
        core.execute(QueryNote(device="it", note_id="n1"))
        await core.delivery(lambda event: event == located)

    play_on(bench(tmp_path, CASH), scenario)


def test_a_print_job_whose_worker_died_is_unknown_and_not_printed_again(tmp_path: Path) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        job = PrintSlip(device="it", job_id="j1", data=b"slip")
        core.execute(job)
        await it.port.hears_command(job)
        it.port.tell("crash")
        ended = await core.delivery(lambda event: isinstance(event, PrintFinished))
        assert isinstance(ended.event, PrintFinished)
        assert ended.event.outcome is PrintOutcome.UNKNOWN
        await it.port.hears("born")
        next_job = PrintSlip(device="it", job_id="j2", data=b"slip")
        core.execute(job)
        core.execute(next_job)
        assert "j2" in await _next_command(it.port)

    play_on(bench(tmp_path, PRINTER), scenario)


async def _next_command(port: SteeringEnd) -> str:
    while not (line := await port.lines.get()).startswith("got "):
        pass
    return line


def test_a_print_job_waits_for_a_printer_that_is_just_coming_back(tmp_path: Path) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.core()
        await core.state(DeviceState.NO_DEVICE)
        job = PrintSlip(device="it", job_id="j1", data=b"slip")
        core.execute(job)
        it.port.plug()
        await it.port.hears_command(job)

    play_on(bench(tmp_path, PRINTER, plugged=False), scenario)


def test_card_reading_goes_on_after_a_restart_and_stops_when_core_leaves(tmp_path: Path) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        core.execute(StartCardReading(device="it"))
        await it.port.hears_command(StartCardReading(device="it"))
        it.port.tell("crash")
        await it.port.hears("born")
        await it.port.hears_command(StartCardReading(device="it"))
        event: Event = CardRead(device="it", card=clinic.card())
        it.port.say(event)
        delivery = await core.delivery(lambda one: one == event)
        assert not delivery.must_acknowledge  # a patient's data is not kept for later
        await core.close()
        await it.port.hears_command(StopCardReading(device="it"))

    play_on(bench(tmp_path, READER), scenario)
