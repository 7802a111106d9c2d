"""The loop that draws: when it sleeps, and what ends its sleep."""

from __future__ import annotations

import threading
import time

import pytest

from tests.ui.stepping import Kiosk  # noqa: F401 - prepares Kivy before ui.loop imports it
from ui.loop import FRAME_SECONDS, LONGEST_SLEEP_SECONDS, PollingBell, pause

NEVER = float("inf")


@pytest.mark.parametrize(
    ("due", "now", "last_frame", "seconds"),
    [
        pytest.param(NEVER, 10.0, 10.0, LONGEST_SLEEP_SECONDS, id="nothing to do"),
        pytest.param(10.4, 10.0, 10.0, 0.4, id="something later"),
        pytest.param(0.0, 10.0, 10.0, FRAME_SECONDS, id="something now: at the pace of frames"),
        pytest.param(9.0, 10.0, 9.9, 0.0, id="something late: no sleep at all"),
    ],
)
def test_it_sleeps_until_the_next_thing_is_due(
    due: float, now: float, last_frame: float, seconds: float
) -> None:
    assert pause(due, now, last_frame) == pytest.approx(seconds)


class QueueOfSdl:
    """Says how often it was asked, and that input is there from the given time on."""

    def __init__(self, *, has_input: bool) -> None:
        self.asked = 0
        self._has_input = has_input

    def SDL_PollEvent(self, _: None) -> int:
        self.asked += 1
        return int(self._has_input)


def test_input_ends_the_sleep() -> None:
    sdl = QueueOfSdl(has_input=True)
    PollingBell(sdl).sleep(60)
    assert sdl.asked == 1


def test_a_ring_from_another_thread_ends_the_sleep() -> None:
    bell = PollingBell(QueueOfSdl(has_input=False))
    threading.Timer(0.02, bell.ring).start()
    bell.sleep(25)  # the test's own time limit ends it otherwise


def test_a_ring_before_the_sleep_is_not_lost() -> None:
    sdl = QueueOfSdl(has_input=False)
    bell = PollingBell(sdl)
    bell.ring()
    bell.sleep(25)
    assert sdl.asked == 1


def test_without_a_ring_the_sleep_ends_in_time() -> None:
    sdl = QueueOfSdl(has_input=False)
    began = time.monotonic()
    PollingBell(sdl).sleep(0.05)
    assert time.monotonic() - began >= 0.05
    assert sdl.asked > 1
