"""Who may come in at a socket between two processes, and what makes it let a client go."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from devices.messages import CardRemoved, Delivery, ToDevices
from firmware.line_door import LineDoor
from firmware.socket_peers import MOST_UNSENT_BYTES

Door = LineDoor[ToDevices]


class Host:
    """Counts comings and goings."""

    def __init__(self) -> None:
        self.came = 0
        self.left = asyncio.Event()
        self.arrived = asyncio.Event()

    def client_came(self) -> None:
        self.came += 1
        self.arrived.set()

    def client_says(self, message: ToDevices) -> None: ...

    def client_left(self) -> None:
        self.left.set()


def run(
    path: Path,
    scenario: Callable[[Door, Host], Awaitable[None]],
    *,
    uid: int | None = None,
    allowed: frozenset[int] = frozenset(),
) -> None:
    async def limited() -> None:
        host = Host()
        door = Door(
            path,
            host,
            msgspec.json.Decoder(ToDevices),
            client="core",
            allowed_uids=allowed,
            uid_of=lambda _socket: os.geteuid() if uid is None else uid,
        )
        await door.open()
        try:
            async with asyncio.timeout(10):
                await scenario(door, host)
        finally:
            await door.close()

    asyncio.run(limited())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


STRANGER = os.geteuid() + 1


def test_a_process_of_another_user_is_refused(tmp_path: Path) -> None:
    async def scenario(door: Door, host: Host) -> None:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "door")
        assert await reader.read() == b""
        assert host.came == 0
        writer.close()

    run(tmp_path / "door", scenario, uid=STRANGER)


def test_who_is_refused_again_and_again_is_logged_once(tmp_path: Path) -> None:
    async def scenario(door: Door, host: Host) -> None:
        for _ in range(5):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "door")
            assert await reader.read() == b""
            writer.close()

    with capture_logs() as logs:
        run(tmp_path / "door", scenario, uid=STRANGER)
    refusals = [(one["event"], one["uid"]) for one in logs]
    assert refusals == [("client refused: wrong user", STRANGER)]


def test_a_listed_user_may_come(tmp_path: Path) -> None:
    async def scenario(door: Door, host: Host) -> None:
        _, writer = await asyncio.open_unix_connection(tmp_path / "door")
        await host.arrived.wait()
        writer.close()
        await host.left.wait()

    run(tmp_path / "door", scenario, uid=STRANGER, allowed=frozenset({STRANGER}))


def test_the_socket_is_for_user_and_group_only_and_replaces_a_stale_one(tmp_path: Path) -> None:
    path = tmp_path / "run" / "door"
    mode = 0

    async def scenario(door: Door, host: Host) -> None:
        nonlocal mode
        mode = mode_of(path)

    run(path, scenario)
    assert mode == 0o660
    assert not path.exists()


def test_a_file_in_place_of_the_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "door"
    path.write_text("precious")

    async def scenario(door: Door, host: Host) -> None:
        raise AssertionError("opened")

    with pytest.raises(OSError, match="in use"):
        run(path, scenario)
    assert path.read_text() == "precious"


def test_a_client_that_never_reads_is_let_go(tmp_path: Path) -> None:
    async def scenario(door: Door, host: Host) -> None:
        _, writer = await asyncio.open_unix_connection(tmp_path / "door")
        await host.arrived.wait()
        event = CardRemoved(device="x" * 1000)
        for number in range(MOST_UNSENT_BYTES // 500):
            door.send(Delivery(boot="b", number=number, event=event))
        assert host.left.is_set()
        writer.close()

    run(tmp_path / "door", scenario)


def test_what_is_sent_to_nobody_is_gone(tmp_path: Path) -> None:
    async def scenario(door: Door, host: Host) -> None:
        door.send(Delivery(boot="b", number=1, event=CardRemoved(device="it")))

    run(tmp_path / "door", scenario)
