"""A kiosk of real processes at emulated hardware: core, and the devices process with its workers.

Each can be killed at any moment, the devices process with all its workers at once, as the kernel or
a power cut does it. The acceptor keeps its own books and can be made deaf to acknowledgements.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from devices.cash_acceptor.emulated_parts import Timing, crc_ccnet
from devices.cash_acceptor.emulator import CcnetEmulator
from devices.id_reader.emulator import SamvEmulator
from devices.lab.bench import Bench, EmulatedDevice
from devices.receipt_printer.emulator import EscposEmulator
from firmware.messages.intents import Confirm, Wake
from firmware.messages.views import HomeView, PayView, Service, TileState
from store_forward.contract.facts import Fact
from store_forward.store.store import Role, Store
from tests.fakes.core_process import KEY
from tests.fakes.fake_devices import ACCEPTOR, PRINTER, READER
from tests.fakes.fake_screen import FakeScreen
from tests.fakes.stocked_store import stock

_ACK = bytes.fromhex("0203060000")[:4]
ACKNOWLEDGEMENT = _ACK + crc_ccnet(_ACK)
STACKED = bytes.fromhex("02030781")


class HardOfHearing(CcnetEmulator):
    """An acceptor on a line that may swallow acknowledgements; counts how often it said 81."""

    hears_acknowledgements = True
    said_stacked = 0

    def receive(self, data: bytes, now: float) -> bytes:
        if not self.hears_acknowledgements:
            data = data.replace(ACKNOWLEDGEMENT, b"")
        answer = super().receive(data, now)
        self.said_stacked += answer.count(STACKED)
        return answer


class KillableKiosk:
    """The processes, the hands of a patient, and the books."""

    def __init__(self, folder: Path) -> None:
        self.acceptor = HardOfHearing(
            Timing(initialize=0.2, accept=0.2, stack=0.4, give_back=0.2), seed=7
        )
        self.reader = SamvEmulator(read_seconds=0.1)
        self.screen = FakeScreen(folder / "core.sock")
        self._folder = folder
        self._began = time.monotonic()
        self._devices: asyncio.subprocess.Process | None = None
        self._core: asyncio.subprocess.Process | None = None

    # --- processes ------------------------------------------------------------------------------

    async def start_devices(self) -> None:
        self._devices = await self._start("tests.fakes.devices_process", str(self._folder))

    async def start_core(self) -> None:
        name = "tests.fakes.core_process"
        self._core = await self._start(name, str(self._folder), str(self._began))
        self.screen = FakeScreen(self._folder / "core.sock")
        await self.screen.connect()

    async def kill_devices(self) -> None:
        """SIGKILL for the supervisor and all its workers in the same moment."""
        await _kill(self._devices)

    async def kill_core(self) -> None:
        await _kill(self._core)
        await self.screen.close()

    async def _start(self, module: str, *arguments: str) -> asyncio.subprocess.Process:
        with (self._folder / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                *arguments,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    # --- hands ----------------------------------------------------------------------------------

    async def goes_to_pay(self) -> None:
        """From the first touch to the payment of doctor D1's fee of 30 yuan."""
        screen = self.screen
        screen.touch(Wake())
        await screen.until(HomeView)
        self.reader.lay_card("test_a")
        await screen.until(HomeView, can_identify=False)
        while not self._sells():
            await screen.next()
        await screen.chooses_first_time()
        screen.touch(Confirm())
        await screen.until(PayView)

    async def feeds(self, yuan: int) -> None:
        """Hold a note to the slot until it is drawn in."""

        def is_drawn_in() -> bool:
            self.acceptor.feed(yuan)
            return self.acceptor.state()["last_feed"] == "drawn in"

        await self.until(is_drawn_in)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for the hardware; emulators tell nobody by themselves."""
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    def _sells(self) -> bool:
        view = self.screen.shown[-1].view
        assert isinstance(view, HomeView)
        return any(
            tile.service is Service.REGISTER_TODAY and tile.state is not TileState.UNAVAILABLE
            for tile in view.tiles
        )

    # --- books ----------------------------------------------------------------------------------

    def journal(self) -> list[Fact]:
        """Every fact recorded so far."""
        with Store.open(self._folder / "store.db", KEY, device="kiosk-7", role=Role.GUEST) as store:
            assert store.journal.verify() is None
            return [row.entry().fact for row in store.journal.read()]


@asynccontextmanager
async def killable_kiosk(folder: Path) -> AsyncIterator[KillableKiosk]:
    """A kiosk with both processes up, whose patient has not come yet."""
    with Store.open(folder / "store.db", KEY, device="kiosk-7", create=True) as store:
        stock(store)
    it = KillableKiosk(folder)
    ports = folder / "dev"
    bench = Bench(
        [
            EmulatedDevice(ACCEPTOR, "cash_acceptor/ccnet", it.acceptor, ports),
            EmulatedDevice(READER, "id_reader/samv", it.reader, ports),
            EmulatedDevice(PRINTER, "receipt_printer/escpos", EscposEmulator(), ports),
        ]
    )
    bench.plug_all()
    turning = asyncio.create_task(bench.run())
    try:
        await it.start_devices()
        await it.start_core()
        yield it
    finally:
        await it.kill_devices()
        await it.kill_core()
        turning.cancel()
        await asyncio.gather(turning, return_exceptions=True)
        bench.unplug_all()


async def _kill(process: asyncio.subprocess.Process | None) -> None:
    if process is None or process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
