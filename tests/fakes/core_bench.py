"""Core on its real sockets with a real encrypted store; all around it is in the test's hand."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from firmware.core.service import CoreService
from firmware.core.upkeep import Upkeep
from firmware.messages.intents import Confirm, Wake
from firmware.messages.views import ConfirmView, HomeView, PayView, Reason
from store_forward.contract.sealed import signer_text
from store_forward.contract.vouchers import VoucherPayload, voucher_text
from store_forward.store.archive.anchors import Signer
from store_forward.store.archive.purge import Terms
from store_forward.store.room import Ballast, on_any_disk
from store_forward.store.store import Role, Store
from tests.fakes import made_up_clinic as clinic
from tests.fakes.core_process import DEPLOYMENT, KEY, morning_since
from tests.fakes.fake_devices_server import FakeDevicesServer
from tests.fakes.fake_screen import FakeScreen
from tests.fakes.small_ballast import SMALL_BALLAST
from tests.fakes.stocked_store import stock


class Bench:
    """A core on a temporary directory, with everything around it under the test's hand."""

    def __init__(self, path: Path) -> None:
        self.run = path
        self.store_path = path / "store.db"
        self.server = FakeDevicesServer(path / "devices.sock")
        self.screen = FakeScreen(path / "core.sock")
        self.notified: list[str] = []
        self.cannot_sign = False
        self.looks_after_journal = False
        self._stop = asyncio.Event()
        self._key = Ed25519PrivateKey.generate()
        self._ids = (f"id-{n}" for n in count(1))
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._store: Store | None = None
        self._began = time.monotonic()

    async def start_core(self) -> None:
        self._store = on_any_disk(
            Ballast(self.store_path, SMALL_BALLAST),
            lambda: Store.open(self.store_path, KEY, device="kiosk-7", create=True),
        )
        self._stop = asyncio.Event()
        service = CoreService(
            self._store,
            devices_socket=self.run / "devices.sock",
            ui_socket=self.run / "core.sock",
            deployment=DEPLOYMENT,
            sign_voucher=self._sign,
            clock=morning_since(self._began),
            ids=self._ids,
            notify=self.notified.append,
            ballast_bytes=SMALL_BALLAST,
            upkeep=self._upkeep if self.looks_after_journal else None,
        )
        self._task = asyncio.create_task(service.run(self._stop))
        self.screen = FakeScreen(self.run / "core.sock")
        await self.screen.connect()

    def _upkeep(self, boot: str) -> Upkeep:
        assert self._store is not None
        signer = Signer(self._key.sign, signer_text(self._key.public_key()), boot)
        return Upkeep(self._store, signer, Terms(days=90), morning_since(self._began))

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The device's."""
        return self._key.public_key()

    def _sign(self, payload: VoucherPayload) -> str:
        if self.cannot_sign:
            raise RuntimeError("cannot sign")
        return voucher_text(payload, self._key)

    async def stop_core(self) -> None:
        self._stop.set()
        assert self._task is not None
        assert self._store is not None
        try:
            await self._task
        finally:
            await self.screen.close()
            self._store.close()

    async def until_core_ends(self) -> None:
        """Wait until core ends by itself; raises what it ended with."""
        assert self._task is not None
        assert self._store is not None
        try:
            await self._task
        finally:
            await self.screen.close()
            self._store.close()

    async def kill_core(self) -> None:
        assert self._task is not None
        assert self._store is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self.screen.close()
        self._store.close()

    def open_store(self) -> Store:
        """The store beside core, as sync has it."""
        return Store.open(self.store_path, KEY, device="kiosk-7", create=True, role=Role.GUEST)

    def sync_pulls(self, *, online: bool = True) -> None:
        """What the sync process writes, through a connection of its own."""
        with self.open_store() as store:
            stock(store, online=online)

    async def start_process(self) -> int:
        """Core as a process of its own, which can be killed for good; returns its id."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.fakes.core_process",
            str(self.run),
            str(self._began),
            stderr=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        self.screen = FakeScreen(self.run / "core.sock")
        await self.screen.connect()
        return self._process.pid

    async def kill_process(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self.screen.close()

    async def confirm_view(self) -> ConfirmView:
        """Walk up to the details; nothing is recorded yet."""
        self.screen.touch(Wake())
        await self.screen.until(HomeView)
        await self.until(lambda: self.server.devices.is_reading)
        self.server.devices.lay_card(clinic.card())
        self.server.flush()
        await self.screen.until(HomeView, can_identify=False)
        return await self.screen.chooses_first_time()

    async def pay_view(self) -> PayView:
        """Walk the whole way up to the payment."""
        await self.confirm_view()
        self.screen.touch(Confirm())
        pay = await self.screen.until(PayView)
        await self.until(lambda: self.server.devices.is_accepting)
        return pay

    async def register_tile(self, reason: Reason) -> None:
        """Wait until the tile of the registration says this on the home screen."""
        while (await self.screen.until(HomeView)).tiles[0].reason is not reason:
            await self.screen.next()

    async def until(self, condition: Callable[[], bool]) -> None:
        async def whether() -> bool:
            await asyncio.sleep(0.005)
            return condition()

        while not await whether():
            pass


def on_bench(path: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    """Run a story with a started core, and stop it in the end."""

    async def whole(bench: Bench) -> None:
        await bench.start_core()
        try:
            await story(bench)
        finally:
            await bench.stop_core()

    _play(path, whole)


def on_process(path: Path, story: Callable[[Bench, int], Awaitable[None]]) -> None:
    """Run a story with a core that is a process of its own; the story gets its id."""

    async def whole(bench: Bench) -> None:
        process = await bench.start_process()
        try:
            await story(bench, process)
        finally:
            await bench.kill_process()

    _play(path, whole)


def _play(path: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    async def whole() -> None:
        bench = Bench(path)
        bench.sync_pulls()
        await bench.server.open()
        try:
            await story(bench)
        finally:
            await bench.server.close()

    asyncio.run(asyncio.wait_for(whole(), 25))
