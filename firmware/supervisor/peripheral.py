"""One peripheral under supervision: its policy, its worker, its desk, its state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, assert_never

import msgspec
import structlog

from devices.messages import Command, DeviceKind, DeviceState, DeviceStatus, Event, ResetDevice
from firmware.config.model import Device
from firmware.supervisor import policy
from firmware.supervisor.acceptor_desk import AcceptorDesk
from firmware.supervisor.desk import Desk, ForCore, ForWorker, Saying
from firmware.supervisor.printer_desk import PrinterDesk
from firmware.supervisor.reader_desk import ReaderDesk
from firmware.supervisor.worker_messages import Heartbeat, LinkLostReport, WorkerLine
from firmware.supervisor.worker_process import WorkerProcess

WorkerCommand = Callable[[Device], Sequence[str]]


class Audience(Protocol):
    """Who hears a peripheral's events."""

    def tell_core(self, event: Event) -> None:
        """Deliver an event, now or when core is back."""
        ...

    def fail(self, bug: Exception) -> None:
        """A bug has left a peripheral's state in doubt: the process is to end, the next one
        starts clean."""
        ...


def desk_for(device: Device) -> Desk:
    """The desk that fits the kind of peripheral."""
    desks: dict[DeviceKind, Callable[[str], Desk]] = {
        DeviceKind.CASH_ACCEPTOR: AcceptorDesk,
        DeviceKind.RECEIPT_PRINTER: PrinterDesk,
        DeviceKind.ID_READER: ReaderDesk,
    }
    return desks[device.kind](device.name)


class Peripheral:
    """Feeds the policy and the desk with what happens, and does what they decide."""

    def __init__(
        self,
        device: Device,
        audience: Audience,
        *,
        worker_command: WorkerCommand,
        limits: policy.RestartLimits,
        clock: Callable[[], float],
        draw: Callable[[], float],
    ) -> None:
        self.device = device
        self._audience = audience
        self._worker_command = worker_command
        self._limits = limits
        self._clock = clock
        self._draw = draw
        self._policy = policy.PolicyState()
        self._desk = desk_for(device)
        self._worker: WorkerProcess | None = None
        self._worker_is_up = False
        self._timer: asyncio.TimerHandle | None = None
        self._log = structlog.get_logger(__name__).bind(device=device.name)
        self.status = DeviceStatus(device=device.name, kind=device.kind, state=DeviceState.STARTING)

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker, if one runs."""
        return self._worker.pid if self._worker is not None else None

    def begin(self) -> None:
        """Start to look after this peripheral."""
        self._happened(policy.Begin())

    def port_appeared(self) -> None:
        """Its device node has come (back)."""
        self._log.info("port appeared", port=self.device.port)
        self._happened(policy.PortAppeared())

    def execute(self, command: Command) -> None:
        """Core wants something of this peripheral."""
        if isinstance(command, ResetDevice):
            self._happened(policy.StaffReset())
            return
        self._do(self._desk.execute(command, self._clock()))

    def core_gone(self) -> None:
        """Core is away."""
        self._do(self._desk.core_gone(self._clock()))

    async def close(self, grace_seconds: float) -> None:
        """End for good; the worker leaves its device in a safe state."""
        self._happened(policy.Close())
        if self._worker is not None:
            await self._worker.close(grace_seconds)
        if self._timer is not None:
            self._timer.cancel()

    # --- what the worker says -------------------------------------------------------------------

    def worker_says(self, line: WorkerLine) -> None:
        """Listener: any line is a sign of life; some are more."""
        if isinstance(line, LinkLostReport):
            self._log.warning("port lost", reason=line.reason)
            self._worker_down(line.reason)
            self._happened(policy.LinkGone(line.reason, self._port_exists()))
            return
        if self._policy.phase not in (policy.Phase.STARTING, policy.Phase.RUNNING):
            if isinstance(line, Heartbeat | DeviceStatus):
                return  # too late to count as life
            # Said before it was killed, read after: still true.
            self._do(self._desk.heard(line, self._clock()))
            return
        self._happened(policy.Heard())
        if not self._worker_is_up:
            self._worker_is_up = True
            self._do(self._desk.worker_up(self._clock()))
        if isinstance(line, DeviceStatus):
            self._set_status(line)
        elif not isinstance(line, Heartbeat):
            self._do(self._desk.heard(line, self._clock()))

    def worker_misbehaves(self, reason: str) -> None:
        """Listener: the pipe's rules are broken."""
        self._happened(policy.Misbehaved(reason))

    def worker_exited(self, how: str) -> None:
        """Listener: the process is gone."""
        if self._policy.phase is policy.Phase.CLOSED:
            self._log.info("worker closed", how=how)
        else:
            self._log.warning("worker ended", how=how, reason=self._policy.reason)
        self._worker = None
        self._worker_down(self._policy.reason or f"worker ended: {how}")
        self._happened(policy.Exited(how))

    def worker_mishandled(self, bug: Exception) -> None:
        """Listener: see there."""
        self._audience.fail(bug)

    # --- doing ----------------------------------------------------------------------------------

    def _worker_down(self, reason: str) -> None:
        self._worker_is_up = False
        self._do(self._desk.worker_gone(reason, self._clock()))

    def _happened(self, event: policy.Happening) -> None:
        self._policy, actions = policy.step(
            self._policy, event, self._clock(), self._draw(), self._limits
        )
        for action in actions:
            self._act(action)
        self._set_timer()

    def _act(self, action: policy.Action) -> None:
        match action:
            case policy.Spawn():
                command = self._worker_command(self.device)
                self._worker = WorkerProcess(self.device.name, command, self, self._clock)
                self._worker.start()
            case policy.Kill(reason):
                self._log.warning("worker killed", reason=reason, pid=self.worker_pid)
                self._worker_down(reason)
                if self._worker is not None:
                    self._worker.kill()
            case policy.Report(state, reason):
                self._set_status(
                    DeviceStatus(
                        device=self.device.name,
                        kind=self.device.kind,
                        state=state,
                        reason=reason,
                    )
                )
            case _:
                assert_never(action)

    def _set_status(self, status: DeviceStatus) -> None:
        status = msgspec.structs.replace(
            status,
            device=self.device.name,
            kind=self.device.kind,
            restarts=self._policy.restarts,
        )
        if status == self.status:
            return
        self.status = status
        self._log.info("state", state=str(status.state), reason=status.reason)
        self._audience.tell_core(status)

    def _do(self, sayings: Sequence[Saying]) -> None:
        for saying in sayings:
            match saying:
                case ForWorker(command):
                    if self._worker is not None:
                        self._worker.tell(command)
                case ForCore(event):
                    self._audience.tell_core(event)
                case _:
                    assert_never(saying)
        self._set_timer()

    def _set_timer(self) -> None:
        """Wake up when policy or desk want to; an earlier wake-up than needed is left alone."""
        times = [at for at in (self._policy.wake_at, self._desk.wake_at) if at is not None]
        if not times:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + max(0.0, min(times) - self._clock())
        if self._timer is not None:
            if not self._timer.cancelled() and self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = loop.call_at(due, self._wake)

    def _wake(self) -> None:
        self._timer = None
        try:
            self._do(self._desk.elapsed(self._clock()))
            self._happened(policy.Elapsed())
        except Exception as bug:  # the event loop would only print it, and never wake us again
            self._audience.fail(bug)

    def _port_exists(self) -> bool:
        port = self.device.port
        return not port.startswith("/") or Path(port).exists()
