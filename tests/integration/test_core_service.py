"""Core over its real sockets with a real encrypted store."""

from __future__ import annotations

import asyncio
import stat
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.core.service import CoreService
from firmware.messages.intents import (
    ChooseDepartment,
    ChooseDoctor,
    ChooseService,
    ChooseSlot,
    Confirm,
    SetLanguage,
    Wake,
)
from firmware.messages.views import (
    AttractView,
    ConfirmView,
    DepartmentView,
    DoctorView,
    DoneView,
    HomeView,
    Language,
    Network,
    NoteState,
    PayView,
    Service,
    SlipState,
    SlotView,
)
from store_forward.contract.facts import NoteCredited, RegistrationPaid
from store_forward.contract.vouchers import VoucherPayload, voucher_text
from store_forward.store.store import Store
from tests.fakes import made_up_clinic as clinic
from tests.fakes.core_process import DEPLOYMENT, KEY, morning_since
from tests.fakes.fake_devices_server import FakeDevicesServer
from tests.fakes.fake_screen import FakeScreen
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
        self._stop = asyncio.Event()
        self._key = Ed25519PrivateKey.generate()
        self._ids = (f"id-{n}" for n in count(1))
        self._task: asyncio.Task[None] | None = None
        self._store: Store | None = None
        self._began = time.monotonic()

    async def start_core(self) -> None:
        self._store = self.open_store()
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
        )
        self._task = asyncio.create_task(service.run(self._stop))
        self.screen = FakeScreen(self.run / "core.sock")
        await self.screen.connect()

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

    async def kill_core(self) -> None:
        assert self._task is not None
        assert self._store is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self.screen.close()
        self._store.close()

    def open_store(self) -> Store:
        return Store.open(self.store_path, KEY, device="kiosk-7", create=True)

    def sync_pulls(self, *, online: bool = True) -> None:
        """What the sync process writes, through a connection of its own."""
        with self.open_store() as store:
            stock(store, online=online)

    async def start_process(self) -> asyncio.subprocess.Process:
        """Core as a process of its own, which can be killed for good."""
        process = await asyncio.create_subprocess_exec(
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
        return process

    async def confirm_view(self) -> ConfirmView:
        """Walk up to the details; nothing is recorded yet."""
        screen = self.screen
        screen.touch(Wake())
        await screen.until(HomeView)
        await self.until(lambda: self.server.devices.is_reading)
        self.server.devices.lay_card(clinic.card())
        self.server.flush()
        await screen.until(HomeView, can_identify=False)
        screen.touch(ChooseService(Service.REGISTER_TODAY))
        await screen.until(DepartmentView)
        screen.touch(ChooseDepartment("NK01"))
        await screen.until(DoctorView)
        screen.touch(ChooseDoctor("D1"))
        await screen.until(SlotView)
        screen.touch(ChooseSlot("D1-1"))
        return await screen.until(ConfirmView)

    async def pay_view(self) -> PayView:
        """Walk the whole way up to the payment."""
        await self.confirm_view()
        self.screen.touch(Confirm())
        pay = await self.screen.until(PayView)
        await self.until(lambda: self.server.devices.is_accepting)
        return pay

    async def until(self, condition: Callable[[], bool]) -> None:
        async def whether() -> bool:
            await asyncio.sleep(0.005)
            return condition()

        while not await whether():
            pass


def on_bench(path: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    """Run a story with a started core, and stop it in the end."""

    async def whole() -> None:
        bench = Bench(path)
        bench.sync_pulls()
        await bench.server.open()
        await bench.start_core()
        try:
            await story(bench)
        finally:
            await bench.stop_core()
            await bench.server.close()

    asyncio.run(asyncio.wait_for(whole(), 20))


def test_from_touch_to_paid_registration(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.pay_view()
        bench.server.insert(10)
        await bench.screen.until(PayView, collected_fen=1000)
        bench.server.insert(20)
        done = await bench.screen.until(DoneView, slip=SlipState.PRINTED)
        assert done.paid_fen == 3000
        await bench.until(lambda: len(bench.server.acknowledged) == 5)

    on_bench(tmp_path, story)
    with Store.open(tmp_path / "store.db", KEY, device="kiosk-7") as store:
        facts = [row.entry().fact for row in store.journal.read()]
        assert store.journal.verify() is None
    assert sum(one.amount_fen for one in facts if isinstance(one, NoteCredited)) == 3000
    assert len([one for one in facts if isinstance(one, RegistrationPaid)]) == 1


def test_core_killed_with_a_note_stacked_goes_on_with_the_money_once(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.pay_view()
        bench.server.devices.stacks_at_once = False
        bench.server.insert(10)
        await bench.until(lambda: bench.server.devices.has_undecided)
        await bench.screen.until(PayView, last_note_fen=1000)
        await bench.kill_core()
        await bench.until(lambda: not bench.server.devices.is_connected)
        bench.server.devices.finish_stacking()
        bench.server.devices.stacks_at_once = True
        await bench.start_core()
        pay = await bench.screen.until(PayView, collected_fen=1000)
        assert pay.recovered
        await bench.until(lambda: bench.server.devices.is_accepting)
        bench.server.insert(20)
        await bench.screen.until(DoneView, paid_fen=3000)

    on_bench(tmp_path, story)


def test_a_core_process_killed_at_once_in_mid_note_goes_on_too(tmp_path: Path) -> None:
    async def whole() -> None:
        bench = Bench(tmp_path)
        bench.sync_pulls()
        await bench.server.open()
        process = await bench.start_process()
        try:
            await bench.pay_view()
            bench.server.insert(20)
            await bench.screen.until(PayView, collected_fen=2000)
            bench.server.devices.stacks_at_once = False
            bench.server.insert(10)
            await bench.screen.until(PayView, note=NoteState.STACKING)
            process.kill()
            await process.wait()
            await bench.screen.close()
            await bench.until(lambda: not bench.server.devices.is_connected)
            bench.server.devices.finish_stacking()
            process = await bench.start_process()
            done = await bench.screen.until(DoneView, slip=SlipState.PRINTED)
            assert done.paid_fen == 3000
        finally:
            process.kill()
            await process.wait()
            await bench.screen.close()
            await bench.server.close()

    asyncio.run(asyncio.wait_for(whole(), 25))
    with Store.open(tmp_path / "store.db", KEY, device="kiosk-7") as store:
        facts = [row.entry().fact for row in store.journal.read()]
    assert [one.amount_fen for one in facts if isinstance(one, NoteCredited)] == [2000, 1000]


def test_a_new_screen_shows_the_same_step_and_replaces_the_old(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.pay_view()
        second = FakeScreen(bench.run / "core.sock")
        first_shown = await second.connect()
        assert isinstance(first_shown.view, PayView)
        await bench.screen.closed_by_core()
        await bench.screen.close()
        bench.screen = second

    on_bench(tmp_path, story)


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"\xff\xfe\n",
        b"{}\n",
        b'{"screen":1,"intent":{"type":"open_the_door"}}\n',
        b'{"screen":"1","intent":{"type":"wake"}}\n',
        b"x" * 1_100_000 + b"\n",
    ],
)
def test_a_line_that_is_no_touch_closes_the_connection_and_changes_nothing(
    tmp_path: Path, line: bytes
) -> None:
    async def story(bench: Bench) -> None:
        bench.screen.send_raw(line)
        await bench.screen.closed_by_core()
        again = FakeScreen(bench.run / "core.sock")
        assert isinstance((await again.connect()).view, AttractView)
        await bench.screen.close()
        bench.screen = again

    on_bench(tmp_path, story)


def test_garbage_from_the_devices_leads_to_a_new_connection(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.pay_view()
        bench.server.send_raw(b'{"type":"delivery","nonsense":1}\n')
        await bench.until(lambda: not bench.server.devices.is_connected)
        await bench.until(lambda: bench.server.devices.is_accepting)
        bench.server.insert(50)
        await bench.screen.until(DoneView, paid_fen=5000)

    on_bench(tmp_path, story)


def test_what_sync_writes_shows_within_a_second(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        def network() -> Network:
            return bench.screen.shown[-1].frame.network

        assert network() is Network.ONLINE
        bench.sync_pulls(online=False)
        began = time.monotonic()
        while network() is not Network.OFFLINE:
            await bench.screen.next()
        assert time.monotonic() - began < 2.0

    on_bench(tmp_path, story)


def test_a_bug_ends_the_process_so_that_a_new_one_starts_from_the_journal(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.pay_view()
        bench.cannot_sign = True
        bench.server.insert(50)
        await bench.screen.closed_by_core()
        with pytest.raises(RuntimeError, match="cannot sign"):
            await bench.stop_core()
        bench.cannot_sign = False
        await bench.start_core()
        await bench.screen.until(DoneView, paid_fen=5000)

    on_bench(tmp_path, story)


def test_nothing_is_sent_while_nothing_changes(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.screen.touch(Wake())
        await bench.screen.until(HomeView)
        await bench.until(lambda: bench.server.devices.is_reading)
        with suppress(TimeoutError):  # the devices' states may still be coming
            await asyncio.wait_for(bench.screen.next(), 0.3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bench.screen.next(), 1.5)

    on_bench(tmp_path, story)


def test_an_intent_is_answered_well_within_a_frame(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.screen.touch(Wake())
        await bench.screen.until(HomeView)
        took: list[float] = []
        for language in [Language.EN, Language.ZH] * 20:
            began = time.perf_counter()
            bench.screen.touch(SetLanguage(language))
            await bench.screen.next()
            took.append(time.perf_counter() - began)
        assert sorted(took)[len(took) // 2] < 0.010

    on_bench(tmp_path, story)


def test_only_the_owner_may_open_the_socket_and_it_goes_with_core(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        mode = stat.S_IMODE((bench.run / "core.sock").stat().st_mode)
        assert mode == 0o600
        assert bench.notified == ["READY=1"]

    on_bench(tmp_path, story)
    assert not (tmp_path / "core.sock").exists()
