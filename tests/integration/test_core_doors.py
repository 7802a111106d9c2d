"""Who may open which of core's two sockets, and what core has done before the first patient."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from firmware.core.service import CoreService
from firmware.messages.views import AttractView
from store_forward.store.store import Store
from tests.fakes.command_line import environment
from tests.fakes.core_process import DEPLOYMENT, KEY, ids, morning_since
from tests.fakes.fake_devices_server import FakeDevicesServer
from tests.fakes.fake_screen import FakeScreen

SCREEN_UID, DEVICES_UID = 100_963, 100_961

EARLY = """
import asyncio, sys, time
from pathlib import Path
from firmware.core.service import CoreService
from store_forward.store.store import Store
from tests.fakes.core_process import DEPLOYMENT, KEY, ids, morning_since

folder = Path(sys.argv[1])

async def whole(store):
    stop = asyncio.Event()
    loaded = []
    def notify(word):
        if word == "READY=1":
            loaded.append("escpos" in sys.modules)
    service = CoreService(
        store, devices_socket=folder / "devices.sock", ui_socket=folder / "core.sock",
        deployment=DEPLOYMENT, sign_voucher=str, clock=morning_since(time.monotonic()),
        ids=ids(), notify=notify,
    )
    running = asyncio.create_task(service.run(stop))
    while "escpos.printer" not in sys.modules:
        await asyncio.sleep(0.01)
    stop.set()
    await running
    assert loaded == [False]

with Store.open(folder / "store.db", KEY, device="kiosk-7", create=True) as store:
    asyncio.run(asyncio.wait_for(whole(store), 20))
"""


def test_the_slip_encoder_is_loaded_when_core_is_ready_not_when_the_first_slip_waits(
    tmp_path: Path,
) -> None:
    program = [sys.executable, "-c", EARLY, str(tmp_path)]
    subprocess.run(program, env=environment(), check=True, timeout=25)


def whom_core_lets_in(folder: Path, uid: int) -> tuple[bool, bool]:
    """Whether a process of this user may be the screen, and whether it may be the devices."""

    async def story(store: Store) -> tuple[bool, bool]:
        service = CoreService(
            store,
            devices_socket=folder / "devices.sock",
            ui_socket=folder / "core.sock",
            deployment=DEPLOYMENT,
            sign_voucher=str,
            clock=morning_since(time.monotonic()),
            ids=ids(),
            devices_uids=frozenset({DEVICES_UID}),
            screen_uids=frozenset({SCREEN_UID}),
            uid_of=lambda _socket: uid,
        )
        server, stop = FakeDevicesServer(folder / "devices.sock"), asyncio.Event()
        await server.open()
        running = asyncio.create_task(service.run(stop))
        screen = FakeScreen(folder / "core.sock")
        is_screen = False
        with suppress(EOFError):
            is_screen = isinstance((await screen.connect()).view, AttractView)
        for _ in range(100):  # a refused one is told nothing however long one waits
            if server.devices.told:
                break
            await asyncio.sleep(0.01)
        stop.set()
        await running
        await screen.close()
        await server.close()
        return is_screen, bool(server.devices.told)

    with Store.open(folder / "store.db", KEY, device="kiosk-7", create=True) as store:
        return asyncio.run(asyncio.wait_for(story(store), 20))


@pytest.mark.parametrize(
    ("uid", "may_be"), [(SCREEN_UID, (True, False)), (DEVICES_UID, (False, True))]
)
def test_the_screen_cannot_play_the_devices_nor_the_devices_the_screen(
    tmp_path: Path, uid: int, may_be: tuple[bool, bool]
) -> None:
    assert whom_core_lets_in(tmp_path, uid) == may_be
