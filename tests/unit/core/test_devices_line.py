"""Core's line to the devices process: quick when it was away, patient when it is refused."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from structlog.testing import capture_logs

from devices.messages import CaughtUp, Delivery
from firmware.core.devices_line import LONGEST_RETRY_SECONDS, RETRY_SECONDS, DevicesLine

STRANGER = os.geteuid() + 1


class Heard:
    """Counts what the line says."""

    def __init__(self) -> None:
        self.caught_up = 0
        self.lost = 0

    def devices_heard(self, delivery: Delivery) -> bool:
        return True

    def devices_caught_up(self) -> None:
        self.caught_up += 1

    def devices_lost(self) -> None:
        self.lost += 1


class Enough(Exception):
    """The test has seen as many attempts as it wants."""


class Attempts:
    """Pauses that cost no time; ``before`` the n-th one something may change."""

    def __init__(self, most: int) -> None:
        self.pauses: list[float] = []
        self.before: dict[int, Callable[[], None]] = {}
        self._most = most

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.before.get(len(self.pauses), lambda: None)()
        if len(self.pauses) == self._most:
            raise Enough
        await asyncio.sleep(0)


class Server:
    """A devices process that hangs up after what it has to say."""

    def __init__(self, says: bytes = b"") -> None:
        self.says = says
        self.served = asyncio.Semaphore(0)

    def say(self, words: bytes) -> None:
        self.says = words

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.says)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.served.release()


def tries(
    path: Path, server: Server, attempts: Attempts, heard: Heard, uid: list[int] | None = None
) -> list[MutableMapping[str, Any]]:
    """Let a line try until the test has enough; return what was logged."""
    line = DevicesLine(
        path,
        heard,
        allowed_uids=frozenset(),
        uid_of=lambda _socket: os.geteuid() if uid is None else uid[0],
        sleep=attempts.sleep,
    )

    async def scenario() -> None:
        listening = await asyncio.start_unix_server(server.serve, str(path))
        with suppress(Enough):
            await line.run()
        for _ in attempts.pauses:
            await server.served.acquire()
        listening.close()

    with capture_logs() as logs:
        asyncio.run(asyncio.wait_for(scenario(), 10))
    return list(logs)


CAUGHT_UP = msgspec.json.encode(CaughtUp("boot-1")) + b"\n"
GROWING = [0.25, 0.5, 1.0, 2.0, 4.0, LONGEST_RETRY_SECONDS, LONGEST_RETRY_SECONDS]


def test_a_devices_process_that_is_not_there_yet_is_found_quickly(tmp_path: Path) -> None:
    attempts = Attempts(10)
    line = DevicesLine(tmp_path / "socket", Heard(), allowed_uids=frozenset(), sleep=attempts.sleep)
    with capture_logs() as logs, suppress(Enough):
        asyncio.run(line.run())
    assert attempts.pauses == [RETRY_SECONDS] * 10
    assert logs == []


def test_a_socket_of_another_user_is_tried_ever_more_rarely_and_logged_once(tmp_path: Path) -> None:
    attempts, heard = Attempts(len(GROWING)), Heard()
    logs = tries(tmp_path / "socket", Server(CAUGHT_UP), attempts, heard, uid=[STRANGER])
    assert attempts.pauses == GROWING
    assert [one["event"] for one in logs] == ["devices refused"]
    assert str(STRANGER) in logs[0]["why"]
    assert (heard.caught_up, heard.lost) == (0, 0)


def test_a_devices_process_that_hangs_up_without_a_word_is_no_connection(tmp_path: Path) -> None:
    attempts, heard = Attempts(len(GROWING)), Heard()
    logs = tries(tmp_path / "socket", Server(), attempts, heard)
    assert attempts.pauses == GROWING
    assert [one["event"] for one in logs] == ["devices refused"]
    assert heard.lost == 0


def test_one_that_goes_after_a_word_is_lost_and_found_quickly(tmp_path: Path) -> None:
    attempts, heard = Attempts(3), Heard()
    logs = tries(tmp_path / "socket", Server(CAUGHT_UP), attempts, heard)
    assert attempts.pauses == [RETRY_SECONDS] * 3
    assert (heard.caught_up, heard.lost) == (3, 3)
    assert [one["event"] for one in logs] == ["devices connected", "devices disconnected"] * 3


def test_when_the_refusal_ends_or_changes_patience_and_log_begin_anew(tmp_path: Path) -> None:
    attempts, uid, server = Attempts(6), [STRANGER], Server()
    attempts.before[2] = lambda: uid.__setitem__(0, os.geteuid())
    attempts.before[4] = lambda: server.say(CAUGHT_UP)
    attempts.before[5] = lambda: server.say(b"")
    logs = tries(tmp_path / "socket", server, attempts, Heard(), uid)
    assert attempts.pauses == [0.25, 0.5, 1.0, 2.0, 0.25, 0.25]
    assert [one["event"] for one in logs] == [
        "devices refused",
        "devices refused",
        "devices connected",
        "devices disconnected",
        "devices refused",
    ]
