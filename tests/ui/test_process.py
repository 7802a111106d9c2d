"""The real process on a real display: first frame, a real click, no redraw when nothing changes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware.messages.intents import Activity, ChooseService, Touch
from firmware.messages.views import Service
from tests.fakes.fake_core import FakeCore
from tests.ui.display import prepare_display
from tests.ui.sample_screens import every_screen

SCREENS = every_screen()
REPOSITORY = Path(__file__).parents[2]


class Ui:
    """``python -m ui`` with its probe."""

    def __init__(self, folder: Path) -> None:
        prepare_display()
        self._probe = folder / "probe.sock"
        command = [sys.executable, "-m", "ui", "--socket", str(folder / "core.sock")]
        self.process = subprocess.Popen(
            [*command, "--probe", str(self._probe), "--windowed"], cwd=REPOSITORY
        )

    def ask(self, question: str) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(str(self._probe))
            line.sendall(question.encode() + b"\n")
            answer: dict[str, Any] = msgspec.json.decode(line.makefile("rb").readline())
            return answer

    def until_drawn_after(self, frames: int, seconds: float = 10) -> None:
        """Wait for one more frame than that."""
        end = time.monotonic() + seconds
        while self.ask("redraws")["frames"] <= frames:
            assert time.monotonic() < end, "nothing was drawn"
            time.sleep(0.01)

    def until_view(self, view: str, seconds: float = 20) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                seen = self.ask("look")
            except OSError:
                seen = {}
            if seen.get("view") == view and seen["frames"]:
                return seen
            time.sleep(0.02)
        raise AssertionError(f"{view} was not shown within {seconds} s")


@pytest.fixture
def core(tmp_path: Path) -> Iterator[FakeCore]:
    core = FakeCore(tmp_path / "core.sock")
    core.start()
    yield core
    core.stop()


@pytest.fixture
def ui(core: FakeCore, tmp_path: Path) -> Iterator[Ui]:
    ui = Ui(tmp_path)
    yield ui
    ui.process.terminate()
    assert ui.process.wait(10) == 0


def _next_intent(core: FakeCore) -> Touch:
    touch = core.next_touch()
    return core.next_touch() if isinstance(touch.intent, Activity) else touch


def test_a_real_click_on_a_tile_reaches_core_exactly_once(core: FakeCore, ui: Ui) -> None:
    core.show(SCREENS["home"])
    seen = ui.until_view("home")
    tile = next(t for t in seen["touchables"] if t["id"] == "tile.register_today")
    x, y = tile["x"] + tile["w"] // 2, tile["y"] + tile["h"] // 2
    environment = dict(os.environ)
    subprocess.run(["xdotool", "mousemove", str(x), str(y)], check=True, env=environment)
    before = ui.ask("redraws")["frames"]
    subprocess.run(["xdotool", "mousedown", "1"], check=True, env=environment)
    ui.until_drawn_after(before)  # pressed: a finger rests at least that long
    subprocess.run(["xdotool", "mouseup", "1"], check=True, env=environment)
    wanted = Touch(SCREENS["home"].number, ChooseService(Service.REGISTER_TODAY))
    assert _next_intent(core) == wanted
    ui.ask("look")
    assert core.touches.empty()


def test_the_idle_screen_draws_nothing_anew(core: FakeCore, ui: Ui) -> None:
    core.show(SCREENS["attract"])
    ui.until_view("attract")
    time.sleep(0.5)
    before = ui.ask("redraws")["frames"]
    time.sleep(2)
    assert ui.ask("redraws")["frames"] == before


def test_a_killed_ui_comes_back_at_the_same_step(core: FakeCore, tmp_path: Path) -> None:
    core.show(SCREENS["pay"])
    first = Ui(tmp_path)
    first.until_view("pay")
    first.process.send_signal(signal.SIGKILL)
    first.process.wait(10)
    second = Ui(tmp_path)
    assert "10.00元" in second.until_view("pay")["texts"]
    second.process.terminate()
    assert second.process.wait(10) == 0
