"""The devices service with the real drivers, against the emulated devices of the lab.

The emulators keep their own books; what core was told must agree with them.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.cash_acceptor.emulated_parts import Timing
from devices.cash_acceptor.emulator import CcnetEmulator
from devices.id_reader.emulator import SamvEmulator
from devices.lab.bench import Bench, EmulatedDevice
from devices.messages import (
    CardRead,
    DeviceKind,
    DeviceState,
    Event,
    NoteInEscrow,
    NoteLocated,
    NoteOutcome,
    NoteReturned,
    NoteStacked,
    QueryNote,
    StackNote,
    StartCardReading,
    StartCashIn,
)
from firmware.assembly.drivers import worker_command
from firmware.config.model import Device
from firmware.supervisor.policy import RestartLimits
from firmware.supervisor.service import DevicesService
from tests.fakes.core_client import CoreClient

ROOT = Path(__file__).parents[2]

MONEY = (NoteInEscrow, NoteStacked, NoteReturned)
START = StartCashIn(device="cash1", accept_fen=(1000, 2000, 5000, 10000))


@dataclass
class Kiosk:
    """The service, core's end of it, and the emulated devices."""

    core: CoreClient
    service: DevicesService
    acceptor: CcnetEmulator
    reader: SamvEmulator

    def kill_worker(self, name: str) -> None:
        (pid,) = [one.worker_pid for one in self.service.peripherals if one.device.name == name]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    async def note_in_escrow(self, yuan: int) -> NoteInEscrow:
        """Feed a note and wait until the kiosk knows it."""
        feeding = asyncio.create_task(self.keep_feeding(yuan))
        delivery = await self.core.delivery(lambda event: isinstance(event, NoteInEscrow))
        feeding.cancel()
        self.core.acknowledge(delivery)
        assert isinstance(delivery.event, NoteInEscrow)
        return delivery.event

    async def keep_feeding(self, yuan: int) -> None:
        """Hold notes to the slot; it draws one in whenever it accepts."""
        while True:
            if self.acceptor.state()["phase"] == "idling":
                await asyncio.sleep(0.6)  # a hand needs its time between two notes
                self.acceptor.feed(yuan)
            await asyncio.sleep(0.02)

    async def phase(self, name: str) -> None:
        """Wait until the acceptor's mechanics are there."""
        await self.mechanics(lambda phase: phase == name)

    async def mechanics(self, wanted: Callable[[object], bool]) -> None:
        """Wait until the acceptor's phase is as wanted; emulators tell nobody by themselves."""
        reached = asyncio.Event()
        while not reached.is_set():
            if wanted(self.acceptor.state()["phase"]):
                reached.set()
            await asyncio.sleep(0.001)


@asynccontextmanager
async def kiosk(folder: Path) -> AsyncIterator[Kiosk]:
    acceptor = CcnetEmulator(Timing(initialize=0.2, accept=0.2, stack=0.3, give_back=0.2))
    reader = SamvEmulator(read_seconds=0.1)
    ports = folder / "dev"
    bench = Bench(
        [
            EmulatedDevice("cash1", "cash_acceptor/ccnet", acceptor, ports),
            EmulatedDevice("id1", "id_reader/samv", reader, ports),
        ]
    )
    bench.plug_all()
    turning = asyncio.create_task(bench.run())
    service = DevicesService(
        [
            Device("cash1", DeviceKind.CASH_ACCEPTOR, "ccnet", str(ports / "cash1")),
            Device("id1", DeviceKind.ID_READER, "samv", str(ports / "id1")),
        ],
        folder / "devices.sock",
        worker_command=lambda device: ["env", f"PYTHONPATH={ROOT}", *worker_command(device)],
        boot="boot-1",
        limits=RestartLimits(first_pause=0.05),
        notify=lambda _state: ready.set(),
    )
    ready = asyncio.Event()
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    await ready.wait()
    core = await CoreClient.connect(folder / "devices.sock")
    try:
        yield Kiosk(core, service, acceptor, reader)
    finally:
        await core.close()
        stop.set()
        await running
        turning.cancel()
        await asyncio.gather(turning, return_exceptions=True)
        bench.unplug_all()


def run(folder: Path, scenario: Callable[[Kiosk], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with kiosk(folder) as one:
            await asyncio.wait_for(scenario(one), timeout=25)

    asyncio.run(limited())


def test_a_note_goes_from_the_slot_into_the_cassette(tmp_path: Path) -> None:
    async def scenario(it: Kiosk) -> None:
        it.core.execute(START)
        note = await it.note_in_escrow(20)
        assert note.amount_fen == 2000
        it.core.execute(StackNote("cash1", note.note_id))
        stacked = NoteStacked("cash1", note.note_id, 2000)
        await it.core.delivery(lambda event: event == stacked)
        assert it.acceptor.cassette == [20]

    run(tmp_path, scenario)


@pytest.mark.parametrize("moment", ["stacking", "stacked"])
def test_a_worker_killed_around_the_stacking_leaves_one_credit(tmp_path: Path, moment: str) -> None:
    async def scenario(it: Kiosk) -> None:
        it.core.execute(START)
        note = await it.note_in_escrow(50)
        it.core.execute(StackNote("cash1", note.note_id))
        await it.phase("stacking")
        if moment != "stacking":
            await it.mechanics(lambda phase: phase != "stacking")
        it.kill_worker("cash1")
        # The next note shows that the acceptor works again; until then everything was told.
        told: list[Event] = []
        feeding = asyncio.create_task(it.keep_feeding(10))
        while not told or not isinstance(told[-1], NoteInEscrow):
            told.append((await it.core.delivery(lambda event: isinstance(event, MONEY))).event)
        feeding.cancel()
        about_this = [event for event in told if getattr(event, "amount_fen", 0) == 5000]
        assert about_this == [NoteStacked("cash1", note.note_id, 5000)]
        it.core.execute(QueryNote("cash1", note.note_id))
        located = NoteLocated("cash1", note.note_id, NoteOutcome.STACKED)
        await it.core.delivery(lambda event: event == located)
        assert it.acceptor.cassette == [50]

    run(tmp_path, scenario)


def test_a_worker_killed_with_a_note_in_escrow_gives_it_back(tmp_path: Path) -> None:
    async def scenario(it: Kiosk) -> None:
        it.core.execute(START)
        note = await it.note_in_escrow(100)
        it.kill_worker("cash1")
        returned = NoteReturned("cash1", note.note_id, 10000)
        await it.core.delivery(lambda event: event == returned)
        assert it.acceptor.returned == [100]
        assert it.acceptor.cassette == []

    run(tmp_path, scenario)


def test_a_card_is_read_also_after_its_worker_was_killed(tmp_path: Path) -> None:
    async def scenario(it: Kiosk) -> None:
        it.core.execute(StartCardReading("id1"))
        await it.core.state(DeviceState.ONLINE)
        it.kill_worker("id1")
        it.reader.lay_card("test_a")
        delivery = await it.core.delivery(lambda event: isinstance(event, CardRead))
        assert isinstance(delivery.event, CardRead)
        assert delivery.event.card.id_number == "11010519491231002X"

    run(tmp_path, scenario)
