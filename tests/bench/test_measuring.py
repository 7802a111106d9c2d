"""Each measurement, in small, on the real processes: not how fast, but that it can be measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.demo.bench.backlog import backlog
from firmware.demo.bench.figures import CouldNotMeasure
from firmware.demo.bench.finger import Finger
from firmware.demo.bench.journal_cost import journal_cost
from firmware.demo.bench.rest import memory
from firmware.demo.bench.screen_start import screen_start
from firmware.demo.bench.touches import touches
from firmware.demo.display import Xvfb
from firmware.demo.kiosk import DeskKiosk
from firmware.demo.workspace import prepare

PROJECT = Path(__file__).parents[2]
WIDTH, HEIGHT = 540, 960


def silent(_text: str) -> None:
    pass


@pytest.fixture(autouse=True)
def _processes_find_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))


@pytest.fixture
def display() -> Iterator[Xvfb]:
    display = Xvfb(WIDTH, HEIGHT)
    yield display
    display.stop()


def test_a_journal_append_is_compared_with_a_raw_one(tmp_path: Path) -> None:
    try:
        figure = journal_cost(tmp_path / "journal", silent, pairs=20, settle=20)
    except CouldNotMeasure as fault:
        pytest.skip(str(fault))
    assert figure.measured > 0
    assert "20 ×" in figure.detail


def test_queued_orders_are_all_accepted_by_the_gateway(tmp_path: Path) -> None:
    figure = backlog(tmp_path, silent, orders=5)
    assert figure.measured > 0
    assert "20 entries" in figure.detail


def test_a_display_on_which_nothing_is_drawn_stands_still(display: Xvfb) -> None:
    finger = Finger(display.name)
    finger.last_change(0.1)
    assert finger.sees(0.1) is None
    finger.close()


def test_a_display_that_is_not_there_is_named() -> None:
    with pytest.raises(CouldNotMeasure, match=":9999"):
        Finger(":9999")


@pytest.mark.timeout(180)
def test_a_finger_walks_through_the_kiosk_and_back(tmp_path: Path, display: Xvfb) -> None:
    kiosk = DeskKiosk(prepare(tmp_path, width_px=WIDTH, height_px=HEIGHT), display.name, silent)
    try:
        kiosk.start()
        finger = Finger(display.name)
        presses, switches = touches(kiosk, finger, silent, rounds=(1, 1))
        assert "20 ×" in presses.detail
        assert "6 ×" in switches.detail
        assert 50 < memory(kiosk, finger, silent, tools=("tool.elder",)).measured < 2000
        assert screen_start(kiosk, finger, silent, starts=1).measured > 0
        finger.close()
    finally:
        kiosk.stop()
        kiosk.lab.close()
