"""The devices process: looks after every peripheral and speaks for all of them to core."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import structlog

from devices.messages import (
    Acknowledge,
    CaughtUp,
    Command,
    DeviceKind,
    DeviceStatus,
    EndCashIn,
    Event,
    Execute,
    NoteLocated,
    NoteOutcome,
    PrintFinished,
    PrintOutcome,
    PrintSlip,
    QueryNote,
    StopCardReading,
    ToDevices,
)
from firmware import systemd_notify
from firmware.config.model import Device
from firmware.line_door import LineDoor
from firmware.supervisor.deliveries import Deliveries
from firmware.supervisor.peripheral import Peripheral, WorkerCommand
from firmware.supervisor.policy import RestartLimits
from firmware.supervisor.port_watch import PortWatch

CLOSE_GRACE_SECONDS = 3.0
"""Time a worker has to leave its device safe at the end, for example to give a note back."""

TURN_SECONDS = 1.0
"""How often the service looks whether it should go on."""

log = structlog.get_logger(__name__)


class DevicesService:
    """One worker process per peripheral, one socket for core.

    ``worker_command`` gives the command line of a device's worker; ``boot`` names this run, unique
    for ever; ``allowed_uids`` may connect besides this process's own user.
    """

    def __init__(
        self,
        devices: Sequence[Device],
        socket_path: Path,
        *,
        worker_command: WorkerCommand,
        boot: str,
        allowed_uids: frozenset[int] = frozenset(),
        limits: RestartLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
        notify: Callable[[str], None] = systemd_notify.notify,
        watchdog_seconds: float | None = None,
    ) -> None:
        self._deliveries = Deliveries(boot)
        self._door = LineDoor(
            socket_path,
            self,
            msgspec.json.Decoder(ToDevices),
            client="core",
            allowed_uids=allowed_uids,
        )
        self._notify = notify
        self._failure: Exception | None = None
        self._turn_seconds = min(TURN_SECONDS, watchdog_seconds or TURN_SECONDS)
        self._peripherals = {
            device.name: Peripheral(
                device,
                self,
                worker_command=worker_command,
                limits=limits or RestartLimits(),
                clock=clock,
                draw=draw,
            )
            for device in devices
        }

    @property
    def peripherals(self) -> Sequence[Peripheral]:
        """All peripherals, in the order of the deployment file."""
        return tuple(self._peripherals.values())

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set, then close every worker and leave nothing behind."""
        loop = asyncio.get_running_loop()
        ports = [peripheral.device.port for peripheral in self.peripherals]

        def appeared(port: str) -> None:  # called in the watch's thread
            loop.call_soon_threadsafe(self._port_appeared, port)

        watch = PortWatch(ports, appeared)
        await self._door.open()
        try:
            watch.start()
            for peripheral in self.peripherals:
                peripheral.begin()
            self._notify(systemd_notify.READY)
            log.info("devices service ready", devices=len(self._peripherals))
            await self._until(stop)
        finally:
            self._notify(systemd_notify.STOPPING)
            watch.stop()
            await self._close_workers()
            await self._door.close()
            log.info("devices service ended")

    async def _until(self, stop: asyncio.Event) -> None:
        """Wait for the end, telling systemd from this very loop that it turns.

        A bug in handling what core or a worker said ends the process: the next one starts clean.
        """
        while not stop.is_set():
            self._notify(systemd_notify.ALIVE)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), timeout=self._turn_seconds)
            failure = self._failure or self._door.failure
            if failure is not None:
                raise failure from None

    async def _close_workers(self) -> None:
        """Money first: an acceptor stops taking notes before anything else ends."""
        in_order = sorted(
            self.peripherals, key=lambda one: one.device.kind is not DeviceKind.CASH_ACCEPTOR
        )
        for peripheral in in_order:
            await peripheral.close(CLOSE_GRACE_SECONDS)

    def _port_appeared(self, port: str) -> None:
        for peripheral in self.peripherals:
            if peripheral.device.port == port:
                peripheral.port_appeared()

    # --- Audience: what the peripherals say -----------------------------------------------------

    def tell_core(self, event: Event) -> None:
        """Deliver now if core is there; keep what it must not miss."""
        self._door.send(self._deliveries.add(event))
        if self._deliveries.is_full and not isinstance(event, DeviceStatus):
            peripheral = self._peripherals.get(event.device)
            if peripheral is not None:
                # Not from within what the peripheral is just doing.
                reason = "too many results wait for core"
                asyncio.get_running_loop().call_soon(peripheral.worker_misbehaves, reason)

    def fail(self, bug: Exception) -> None:
        """End soon; the first bug is the one to tell."""
        self._failure = self._failure or bug

    # --- Resident: what core says ---------------------------------------------------------------

    def client_came(self) -> None:
        """Tell the states of all, then what was kept, in order, then that this was all."""
        for peripheral in self.peripherals:
            self._door.send(self._deliveries.add(peripheral.status))
        for delivery in self._deliveries.kept():
            self._door.send(delivery)
        self._door.send(CaughtUp(boot=self._deliveries.boot))

    def client_says(self, message: ToDevices) -> None:
        """Carry out or note."""
        match message:
            case Acknowledge(boot, number):
                self._deliveries.acknowledge(boot, number)
            case Execute(command):
                self._execute(command)

    def client_left(self) -> None:
        """Nobody is there to credit a note or to read a card for."""
        for peripheral in self.peripherals:
            peripheral.core_gone()

    def _execute(self, command: Command) -> None:
        if self._deliveries.is_full and not isinstance(command, EndCashIn | StopCardReading):
            log.error("command ignored: core acknowledges nothing", device=command.device)
            return
        peripheral = self._peripherals.get(command.device)
        if peripheral is not None:
            peripheral.execute(command)
            return
        log.warning("command for a device that is not configured", device=command.device)
        match command:
            case PrintSlip(device=device, job_id=job_id):
                reason = "no such device on this kiosk"
                failed = PrintOutcome.FAILED
                self.tell_core(
                    PrintFinished(device=device, job_id=job_id, outcome=failed, reason=reason)
                )
            case QueryNote(device=device, note_id=note_id):
                unknown = NoteOutcome.UNKNOWN
                self.tell_core(NoteLocated(device=device, note_id=note_id, outcome=unknown))
            case _:
                pass
