"""The devices service with real worker processes on real ptys and a real socket."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devices.messages import (
    CardRead,
    DeviceKind,
    DeviceState,
    DeviceStatus,
    EndCashIn,
    Event,
    IdentityCard,
    NoteInEscrow,
    NoteLocated,
    NoteOutcome,
    NoteReturned,
    NoteStacked,
    PrintFinished,
    PrintOutcome,
    PrintSlip,
    QueryNote,
    ResetDevice,
    StackNote,
    StartCardReading,
    StartCashIn,
    StopCardReading,
)
from firmware.config.model import Device
from firmware.supervisor.policy import RestartLimits
from firmware.supervisor.service import DevicesService
from tests.fakes.core_client import CoreClient
from tests.fakes.steering_end import SteeringEnd, steered_command

SHORT = RestartLimits(hang=1.5, first_pause=0.01, longest_pause=30.0, slow_pause=30.0, window=60)

CASH, PRINTER, READER = (
    DeviceKind.CASH_ACCEPTOR,
    DeviceKind.RECEIPT_PRINTER,
    DeviceKind.ID_READER,
)


@dataclass
class Bench:
    """One service with one peripheral."""

    service: DevicesService
    port: SteeringEnd
    kind: DeviceKind
    socket: Path
    stop: asyncio.Event
    ended: asyncio.Task[None]
    clients: list[CoreClient] = field(default_factory=list)

    async def core(self) -> CoreClient:
        client = await CoreClient.connect(self.socket)
        self.clients.append(client)
        return client

    async def online(self) -> CoreClient:
        """A connected core and a worker that has said that its device is online."""
        await self.port.hears("born")
        core = await self.core()
        self.says_online()
        await core.state(DeviceState.ONLINE)
        return core

    def says_online(self) -> None:
        self.port.say(DeviceStatus(device="it", kind=self.kind, state=DeviceState.ONLINE))

    @property
    def worker_pid(self) -> int:
        pid = self.service.peripherals[0].worker_pid
        assert pid is not None
        return pid


@asynccontextmanager
async def bench(
    folder: Path,
    kind: DeviceKind,
    *,
    limits: RestartLimits = SHORT,
    plugged: bool = True,
    watchdog_seconds: float | None = None,
    notify: Callable[[str], None] = lambda _state: None,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Bench]:
    port = SteeringEnd(folder / "dev" / "it")
    port.link.parent.mkdir()
    if plugged:
        port.plug()
    socket = folder / "devices.sock"
    ready = asyncio.Event()

    def hears(state: str) -> None:
        notify(state)
        ready.set()

    service = DevicesService(
        [Device(name="it", kind=kind, driver="steered", port=str(port.link))],
        socket,
        worker_command=steered_command,
        boot="boot-1",
        limits=limits,
        clock=clock,
        draw=lambda: 0.0,
        notify=hears,
        watchdog_seconds=watchdog_seconds,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    running.add_done_callback(lambda _: ready.set())
    await ready.wait()
    it = Bench(service, port, kind, socket, stop, running)
    try:
        yield it
    finally:
        for client in it.clients:
            await client.close()
        stop.set()
        await running
        port.unplug()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(scenario(), timeout=20)

    asyncio.run(limited())


def stacked(note_id: str | None = "n1") -> NoteStacked:
    return NoteStacked(device="it", note_id=note_id, amount_fen=2000)


ESCROW = NoteInEscrow(device="it", note_id="n1", amount_fen=2000)


def test_core_is_told_all_states_and_then_that_it_is_up_to_date(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            core = await it.online()
            await core.close()
            core = await it.core()
            (status,) = await core.until_caught_up()
            assert isinstance(status.event, DeviceStatus)
            assert status.event.state is DeviceState.ONLINE
            assert not status.must_acknowledge
            await core.close()

    run(scenario)


@pytest.mark.parametrize("fault", ["crash", "exit", "flood", "shout"])
def test_a_worker_that_breaks_is_replaced_and_the_device_comes_back(
    tmp_path: Path, fault: str
) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            core = await it.online()
            it.port.tell(fault)
            await core.state(DeviceState.OFFLINE)
            await it.port.hears("born")
            it.says_online()
            assert (await core.state(DeviceState.ONLINE)).restarts == 1
            await core.close()

    run(scenario)


class ClockWithABug:
    """Stands for any bug in handling what a worker says: raises once when told to."""

    def __init__(self) -> None:
        self.is_broken = False

    def __call__(self) -> float:
        if self.is_broken:
            self.is_broken = False
            raise RuntimeError("a bug of ours")
        return time.monotonic()


def test_a_bug_in_handling_a_worker_ends_the_process_and_leaves_no_worker(tmp_path: Path) -> None:
    clock = ClockWithABug()

    async def scenario() -> None:
        async with bench(tmp_path, CASH, clock=clock) as it:
            await it.online()
            worker = it.worker_pid
            clock.is_broken = True
            await asyncio.wait({it.ended})
            with pytest.raises(ProcessLookupError):
                os.kill(worker, 0)

    with pytest.raises(RuntimeError, match="a bug of ours"):
        run(scenario)


def test_a_worker_that_hangs_is_killed_and_replaced(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            core = await it.online()
            it.port.tell("hang")
            status = await core.state(DeviceState.OFFLINE)
            assert "stood still" in status.reason
            await it.port.hears("born")
            await core.close()

    run(scenario)


def test_a_worker_that_is_stopped_by_a_signal_is_killed_and_replaced(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            core = await it.online()
            os.kill(it.worker_pid, signal.SIGSTOP)
            await core.state(DeviceState.OFFLINE)
            await it.port.hears("born")
            await core.close()

    run(scenario)


def test_a_line_that_is_no_message_is_dropped_and_the_worker_lives_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            core = await it.online()
            pid = it.worker_pid
            it.port.tell("garble")
            it.port.say(ESCROW)
            await core.delivery(lambda event: event == ESCROW)
            assert it.worker_pid == pid
            await core.close()

    run(scenario)


def test_an_unplugged_device_is_absent_and_back_as_soon_as_it_is_plugged_in(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            core = await it.online()
            it.port.unplug()
            await core.state(DeviceState.NO_DEVICE)
            it.port.plug()  # the limits would wait for 30 s; the port watch does not
            await it.port.hears("born")
            it.says_online()
            await core.state(DeviceState.ONLINE)
            await core.close()

    run(scenario)


def test_a_device_that_is_plugged_in_later_is_found_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH, plugged=False) as it:
            core = await it.core()
            await core.state(DeviceState.NO_DEVICE)
            it.port.plug()
            await it.port.hears("born")
            await core.close()

    run(scenario)


def test_after_too_many_failures_it_is_out_of_service_with_the_reason_until_staff_reset(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with bench(
            tmp_path, CASH, limits=RestartLimits(failures_allowed=2, first_pause=0.01)
        ) as it:
            core = await it.online()
            it.port.tell("exit")
            await it.port.hears("born")
            it.port.tell("exit")
            status = await core.state(DeviceState.HARDWARE_ERROR)
            assert "out of service" in status.reason
            assert "exit code 3" in status.reason
            core.execute(ResetDevice(device="it"))
            await it.port.hears("born")
            await core.close()

    run(scenario)


def test_money_events_are_delivered_again_until_core_has_acknowledged_them(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            core = await it.online()
            it.port.say(ESCROW)
            it.port.say(stacked())
            first = await core.delivery(lambda event: event == ESCROW)
            second = await core.delivery(lambda event: event == stacked())
            assert first.must_acknowledge
            assert second.must_acknowledge
            core.acknowledge(first)
            await core.close()
            core = await it.core()
            assert [one for one in await core.until_caught_up() if one.must_acknowledge] == [second]
            core.acknowledge(second)
            await core.close()
            core = await it.core()
            assert not [one for one in await core.until_caught_up() if one.must_acknowledge]
            await core.close()

    run(scenario)


def test_an_acknowledgement_of_another_run_acknowledges_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            core = await it.online()
            it.port.say(stacked())
            delivery = await core.delivery(lambda event: event == stacked())
            core.send_raw(b'{"type":"acknowledge","boot":"older","number":%d}\n' % delivery.number)
            await core.close()
            core = await it.core()
            assert delivery in await core.until_caught_up()
            await core.close()

    run(scenario)


def test_when_core_goes_away_no_more_notes_are_taken_and_a_late_result_is_kept(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            core = await it.online()
            start = StartCashIn(device="it", accept_fen=(2000,))
            core.execute(start)
            await it.port.hears_command(start)
            it.port.say(ESCROW)
            await core.delivery(lambda event: event == ESCROW)
            core.execute(StackNote(device="it", note_id="n1"))
            await it.port.hears_command(StackNote(device="it", note_id="n1"))
            await core.close()
            await it.port.hears_command(EndCashIn(device="it"))
            it.port.say(stacked())
            core = await it.core()
            await core.delivery(lambda event: event == stacked())
            await core.close()

    run(scenario)


def test_a_newer_core_replaces_the_older(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            older = await it.online()
            newer = await it.core()
            await newer.until_caught_up()
            with pytest.raises((EOFError, ConnectionError)):
                await older.delivery(lambda _event: False)
            it.port.say(stacked())
            await newer.delivery(lambda event: event == stacked())
            await newer.close()
            await older.close()

    run(scenario)


@pytest.mark.parametrize("line", [b"not json\n", b'{"type":"execute"}\n', b"x" * 1_100_000])
def test_a_client_that_talks_nonsense_is_closed_and_nothing_else_happens(
    tmp_path: Path, line: bytes
) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            core = await it.online()
            core.send_raw(line)
            with pytest.raises((EOFError, ConnectionError)):
                await core.delivery(lambda _event: False)
            core = await it.core()
            await core.until_caught_up()
            await core.close()

    run(scenario)


def test_cash_in_goes_on_after_a_restart_of_the_worker(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            core = await it.online()
            start = StartCashIn(device="it", accept_fen=(1000, 2000))
            core.execute(start)
            await it.port.hears_command(start)
            it.port.tell("crash")
            await it.port.hears("born")
            await it.port.hears_command(start)
            await core.close()

    run(scenario)


def test_the_successor_of_a_dead_worker_settles_its_note_and_the_note_gets_its_name_back(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            core = await it.online()
            it.port.say(ESCROW)
            await core.delivery(lambda event: event == ESCROW)
            core.execute(StackNote(device="it", note_id="n1"))
            await it.port.hears_command(StackNote(device="it", note_id="n1"))
            it.port.tell("crash")
            await it.port.hears("born")
            core.execute(QueryNote(device="it", note_id="n1"))
            it.port.say(stacked(None))
            await core.delivery(lambda event: event == stacked("n1"))
            located = NoteLocated(device="it", note_id="n1", outcome=NoteOutcome.STACKED)
            core.execute(QueryNote(device="it", note_id="n1"))
            await core.delivery(lambda event: event == located)
            await core.close()

    run(scenario)


def test_a_print_job_whose_worker_died_is_unknown_and_not_printed_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, PRINTER) as it:
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
            await core.close()

    run(scenario)


async def _next_command(port: SteeringEnd) -> str:
    while not (line := await port.lines.get()).startswith("got "):
        pass
    return line


def test_a_print_job_waits_for_a_printer_that_is_just_coming_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, PRINTER, plugged=False) as it:
            core = await it.core()
            await core.state(DeviceState.NO_DEVICE)
            job = PrintSlip(device="it", job_id="j1", data=b"slip")
            core.execute(job)
            it.port.plug()
            await it.port.hears_command(job)
            await core.close()

    run(scenario)


def test_card_reading_goes_on_after_a_restart_and_stops_when_core_leaves(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, READER) as it:
            core = await it.online()
            core.execute(StartCardReading(device="it"))
            await it.port.hears_command(StartCardReading(device="it"))
            it.port.tell("crash")
            await it.port.hears("born")
            await it.port.hears_command(StartCardReading(device="it"))
            event: Event = CardRead(device="it", card=_CARD)
            it.port.say(event)
            delivery = await core.delivery(lambda one: one == event)
            assert not delivery.must_acknowledge  # a patient's data is not kept for later
            await core.close()
            await it.port.hears_command(StopCardReading(device="it"))

    run(scenario)


_CARD = IdentityCard(
    name="测试甲",
    sex="男",
    ethnic_group="汉",
    birth_date="1949-12-31",
    address="测试路一号",
    id_number="11010519491231002X",
    issuer="测试局",
    valid_from="2020-01-01",
    valid_until=None,
)


def test_at_the_end_the_worker_closes_its_device_and_no_process_is_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            await (await it.online()).close()
            pid = it.worker_pid
            it.stop.set()
            await it.port.hears("closed")
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert not it.socket.exists()

    run(scenario)


def test_at_the_end_even_a_hung_worker_is_gone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH, limits=RestartLimits(hang=60)) as it:
            await (await it.online()).close()
            pid = it.worker_pid
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    run(scenario)


def test_systemd_hears_that_the_service_is_ready_alive_and_stopping(tmp_path: Path) -> None:
    async def scenario() -> None:
        said: list[str] = []
        alive_twice = asyncio.Event()

        def notify(state: str) -> None:
            said.append(state)
            if said.count("WATCHDOG=1") >= 2:
                alive_twice.set()

        async with bench(tmp_path, CASH, notify=notify, watchdog_seconds=0.05):
            await alive_twice.wait()
        assert said[0] == "READY=1"
        assert said[-1] == "STOPPING=1"

    run(scenario)


def test_a_returned_note_is_told_like_a_stacked_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, CASH) as it:
            core = await it.online()
            returned = NoteReturned(device="it", note_id="n1", amount_fen=2000)
            it.port.say(ESCROW)
            it.port.say(returned)
            delivery = await core.delivery(lambda event: event == returned)
            assert delivery.must_acknowledge
            await core.close()

    run(scenario)
