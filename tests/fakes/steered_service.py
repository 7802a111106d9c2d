"""The devices service with one peripheral, whose worker does what the test says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devices.messages import (
    DeviceKind,
    DeviceState,
    DeviceStatus,
    NoteInEscrow,
    NoteStacked,
    StackNote,
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

ESCROW = NoteInEscrow(device="it", note_id="n1", amount_fen=2000)


def stacked(note_id: str | None = "n1") -> NoteStacked:
    return NoteStacked(device="it", note_id=note_id, amount_fen=2000)


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

    async def stacks_note_n1(self, core: CoreClient) -> None:
        """Note n1 came into escrow and the driver has been told to stack it."""
        self.port.say(ESCROW)
        await core.delivery(lambda event: event == ESCROW)
        decision = StackNote(device="it", note_id="n1")
        core.execute(decision)
        await self.port.hears_command(decision)

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
    """Let the scenario happen, which sets up its own bench; it hangs for no more than 20 s."""

    async def limited() -> None:
        await asyncio.wait_for(scenario(), timeout=20)

    asyncio.run(limited())


def play_on(
    stage: AbstractAsyncContextManager[Bench], scenario: Callable[[Bench], Awaitable[None]]
) -> None:
    """Set a bench up, let the scenario happen on it, and clear it away."""

    async def whole() -> None:
        async with stage as it:
            await scenario(it)

    run(whole)
