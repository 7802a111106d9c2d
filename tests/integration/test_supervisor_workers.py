"""Workers that break, hang or end, and devices that go and come: real processes on real ptys."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from devices.messages import DeviceState, ResetDevice
from firmware.supervisor.policy import RestartLimits
from tests.fakes.steered_service import CASH, ESCROW, Bench, bench, play_on, run


@pytest.mark.parametrize("fault", ["crash", "exit", "flood", "shout"])
def test_a_worker_that_breaks_is_replaced_and_the_device_comes_back(
    tmp_path: Path, fault: str
) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        it.port.tell(fault)
        await core.state(DeviceState.OFFLINE)
        await it.port.hears("born")
        it.says_online()
        assert (await core.state(DeviceState.ONLINE)).restarts == 1

    play_on(bench(tmp_path, CASH), scenario)


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

    async def scenario(it: Bench) -> None:
        await it.online()
        worker = it.worker_pid
        clock.is_broken = True
        await asyncio.wait({it.ended})
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)

    with pytest.raises(RuntimeError, match="a bug of ours"):
        play_on(bench(tmp_path, CASH, clock=clock), scenario)


def test_a_worker_that_hangs_is_killed_and_replaced(tmp_path: Path) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        it.port.tell("hang")
        status = await core.state(DeviceState.OFFLINE)
        assert "stood still" in status.reason
        await it.port.hears("born")

    play_on(bench(tmp_path, CASH), scenario)


def test_a_worker_that_is_stopped_by_a_signal_is_killed_and_replaced(tmp_path: Path) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        os.kill(it.worker_pid, signal.SIGSTOP)
        await core.state(DeviceState.OFFLINE)
        await it.port.hears("born")

    play_on(bench(tmp_path, CASH), scenario)


def test_a_line_that_is_no_message_is_dropped_and_the_worker_lives_on(tmp_path: Path) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        pid = it.worker_pid
        it.port.tell("garble")
        it.port.say(ESCROW)
        await core.delivery(lambda event: event == ESCROW)
        assert it.worker_pid == pid

    play_on(bench(tmp_path, CASH), scenario)


def test_an_unplugged_device_is_absent_and_back_as_soon_as_it_is_plugged_in(
    tmp_path: Path,
) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        it.port.unplug()
        await core.state(DeviceState.NO_DEVICE)
        it.port.plug()  # the limits would wait for 30 s; the port watch does not
        await it.port.hears("born")
        it.says_online()
        await core.state(DeviceState.ONLINE)

    play_on(bench(tmp_path, CASH), scenario)


def test_a_device_that_is_plugged_in_later_is_found_at_once(tmp_path: Path) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.core()
        await core.state(DeviceState.NO_DEVICE)
        it.port.plug()
        await it.port.hears("born")

    play_on(bench(tmp_path, CASH, plugged=False), scenario)


def test_after_too_many_failures_it_is_out_of_service_with_the_reason_until_staff_reset(
    tmp_path: Path,
) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        it.port.tell("exit")
        await it.port.hears("born")
        it.port.tell("exit")
        status = await core.state(DeviceState.HARDWARE_ERROR)
        assert "out of service" in status.reason
        assert "exit code 3" in status.reason
        core.execute(ResetDevice(device="it"))
        await it.port.hears("born")

    play_on(
        bench(tmp_path, CASH, limits=RestartLimits(failures_allowed=2, first_pause=0.01)), scenario
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
