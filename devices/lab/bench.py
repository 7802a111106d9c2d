"""The emulated devices of the lab, each on its port, and the paper they have made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from devices.lab.actions import Action, Argument, arguments_of, call
from devices.lab.emulation import Emulator, Slip, SlipPrinter
from devices.lab.pty_port import PtyPort

TICK_SECONDS = 0.05
MOST_SLIPS = 200


class DeviceView(msgspec.Struct, frozen=True):
    """One device as the panel shows it."""

    name: str
    kind: str
    port: str
    plugged: bool
    state: dict[str, object]
    actions: dict[str, list[Argument]]


class SlipView(msgspec.Struct, frozen=True):
    """One slip as the panel lists it."""

    number: int
    device: str
    text: str
    torn: bool
    complete: bool


class EmulatedDevice:
    """An emulator on a port."""

    def __init__(
        self,
        name: str,
        kind: str,
        emulator: Emulator,
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.kind = kind
        self.emulator = emulator
        self._folder = folder
        self._clock = clock
        self._port = PtyPort(folder / name, self._received)

    @property
    def port(self) -> PtyPort:
        """Its serial port."""
        return self._port

    def actions(self) -> Mapping[str, Action]:
        """Everything that can be done to it: by hands, by saboteurs, at the plug."""
        return {
            **self.emulator.actions,
            "unplug": self._port.unplug,
            "replug": self.replug,
            "hang_worker": self.hang_worker,
        }

    def replug(self, replug_as: str = "") -> None:
        """Plug it in again; ``replug_as``: on another node of the same folder."""
        if "/" in replug_as or replug_as in (".", ".."):
            raise ValueError("replug_as is a name, not a path")
        self._port.plug(self._folder / (replug_as or self.name))

    def hang_worker(self) -> None:
        """Stop the kiosk's worker that has the port open."""
        self._port.hang_holders()

    def tick(self) -> None:
        """Let the device's time pass; unplugged ones live on without being heard."""
        self._port.send(self.emulator.tick(self._clock()))

    def view(self) -> DeviceView:
        """Everything the panel shows of it."""
        return DeviceView(
            name=self.name,
            kind=self.kind,
            port=str(self._port.link),
            plugged=self._port.is_plugged,
            state=self.emulator.state(),
            actions={name: arguments_of(action) for name, action in self.actions().items()},
        )

    def _received(self, data: bytes) -> None:
        self._port.send(self.emulator.receive(data, self._clock()))


class UnknownDevice(Exception):
    """The lab has no device of this name."""


class UnknownSlip(Exception):
    """There is no slip of this number (any more)."""


class Bench:
    """All devices of the lab."""

    def __init__(self, devices: list[EmulatedDevice]) -> None:
        self._devices = {device.name: device for device in devices}
        self._slips: dict[int, tuple[str, Slip]] = {}
        self._last_slip = 0
        self._seen: dict[str, int] = {}

    def plug_all(self) -> None:
        """Connect every device."""
        for device in self._devices.values():
            device.port.plug()

    def unplug_all(self) -> None:
        """Disconnect every device that is connected."""
        for device in self._devices.values():
            if device.port.is_plugged:
                device.port.unplug()

    async def run(self) -> None:
        """Let time pass for all devices until cancelled."""
        while True:
            for device in self._devices.values():
                device.tick()
            await asyncio.sleep(TICK_SECONDS)

    def act(self, device: str, action: str, arguments: Mapping[str, object]) -> None:
        """Do something to a device."""
        found = self._devices.get(device)
        if found is None:
            names = ", ".join(self._devices)
            raise UnknownDevice(f"no device {device!r}; there are: {names}")
        call(found.actions(), action, arguments)

    def views(self) -> list[DeviceView]:
        """All devices."""
        return [device.view() for device in self._devices.values()]

    def slips(self) -> list[SlipView]:
        """All slips, numbered over all printers in the order they were found."""
        self._collect()
        return [
            SlipView(
                number=number,
                device=device,
                text=slip.text,
                torn=slip.is_torn,
                complete=slip.is_complete,
            )
            for number, (device, slip) in self._slips.items()
        ]

    def slip(self, number: int) -> Slip:
        """One slip by its number."""
        self._collect()
        if number not in self._slips:
            raise UnknownSlip(f"no slip {number}")
        return self._slips[number][1]

    def _collect(self) -> None:
        for device in self._devices.values():
            if not isinstance(device.emulator, SlipPrinter):
                continue
            for slip in device.emulator.slips:
                if slip.number > self._seen.get(device.name, 0):
                    self._seen[device.name] = slip.number
                    self._last_slip += 1
                    self._slips[self._last_slip] = (device.name, slip)
        while len(self._slips) > MOST_SLIPS:
            del self._slips[next(iter(self._slips))]
