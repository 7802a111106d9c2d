"""The line to core over a real socket: reconnects, refuses nonsense, never queues a touch."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.messages.intents import Touch, Wake
from firmware.messages.views import Screen
from tests.fakes.fake_core import FakeCore
from tests.ui.sample_screens import every_screen
from ui.client import LONGEST_LINE, CoreLine

SCREENS = every_screen()


class Listener:
    """What the line reported, in order."""

    def __init__(self) -> None:
        self.screens: queue.Queue[Screen] = queue.Queue()
        self.away = threading.Event()

    def next_screen(self) -> Screen:
        return self.screens.get(timeout=10)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[FakeCore]:
    core = FakeCore(tmp_path / "core.sock")
    yield core
    core.stop()


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def line(core: FakeCore, listener: Listener) -> Iterator[CoreLine]:
    line = CoreLine(str(core.path), listener.screens.put, listener.away.set)
    yield line
    line.close()


def test_a_new_ui_gets_the_current_screen_at_once(
    core: FakeCore, line: CoreLine, listener: Listener
) -> None:
    core.show(SCREENS["confirm"])
    core.start()
    line.open()
    assert listener.next_screen() == SCREENS["confirm"]


def test_touches_reach_core(core: FakeCore, line: CoreLine, listener: Listener) -> None:
    core.show(SCREENS["attract"])
    core.start()
    line.open()
    listener.next_screen()
    assert line.send(Touch(1, Wake()))
    assert core.next_touch() == Touch(1, Wake())


def test_a_touch_without_core_is_forgotten_not_queued(line: CoreLine) -> None:
    line.open()
    assert not line.send(Touch(1, Wake()))


def test_it_waits_for_a_core_that_is_not_there_yet_and_says_so(
    core: FakeCore, line: CoreLine, listener: Listener
) -> None:
    line.open()
    assert listener.away.wait(10)
    core.show(SCREENS["home"])
    core.start()
    assert listener.next_screen() == SCREENS["home"]


def test_it_comes_back_after_core_was_restarted(
    core: FakeCore, line: CoreLine, listener: Listener
) -> None:
    core.show(SCREENS["pay"])
    core.start()
    line.open()
    listener.next_screen()
    core.hang_up()
    assert listener.next_screen() == SCREENS["pay"]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"not json\n",
        b'{"number": "one"}\n',
        b'{"number": 1, "frame": {"clinic": {"zh": "\xff"}}}\n',
        b"x" * (LONGEST_LINE + 10),
    ],
)
def test_nonsense_ends_the_connection_and_the_next_one_is_fresh(
    core: FakeCore, line: CoreLine, listener: Listener, nonsense: bytes
) -> None:
    core.show(SCREENS["home"])
    core.start()
    line.open()
    listener.next_screen()
    core.say(nonsense)
    assert listener.next_screen() == SCREENS["home"]
