"""The lab's panel shows the kiosk's window and passes touches on, over a real X display."""

from __future__ import annotations

import asyncio
import io
import subprocess
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from PIL import Image

from devices.lab.bench import Bench
from devices.lab.kiosk_window import KioskWindow
from devices.lab.web import build_app
from firmware.demo.display import Xvfb

WIDTH_PX, HEIGHT_PX = 300, 500


@pytest.fixture
def display() -> Iterator[str]:
    server = Xvfb(WIDTH_PX, HEIGHT_PX)
    yield server.name
    server.stop()


def ask(screen: KioskWindow | None, method: str, path: str, body: object = None) -> httpx.Response:
    async def once() -> httpx.Response:
        app = cast(Any, build_app(Bench([]), None, None, screen))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, json=body)

    return asyncio.run(once())


def pointer(display: str) -> str:
    where = subprocess.run(
        ["xdotool", "getmouselocation"], env={"DISPLAY": display}, capture_output=True, check=True
    )
    return where.stdout.decode()


def test_the_picture_is_the_whole_display(display: str) -> None:
    answer = ask(KioskWindow(display), "GET", "/api/screen.jpg")
    assert Image.open(io.BytesIO(answer.content)).size == (WIDTH_PX, HEIGHT_PX)


def test_a_touch_goes_where_the_finger_is(display: str) -> None:
    for finger in ("down", "up"):
        touch = {"finger": finger, "x": 120, "y": 340}
        assert ask(KioskWindow(display), "POST", "/api/screen/touch", touch).status_code == 204
    assert "x:120 y:340" in pointer(display)


def test_a_wrong_touch_is_refused_in_words(display: str) -> None:
    for touch, word in (
        ({"finger": "sideways", "x": 1, "y": 1}, "sideways"),
        ({"finger": "down", "x": "left", "y": 1}, "x"),
        ({"finger": "down"}, "touch"),
    ):
        answer = ask(KioskWindow(display), "POST", "/api/screen/touch", touch)
        assert answer.status_code == 422
        assert word in answer.json()["detail"]


def test_without_a_display_the_panel_shows_no_screen() -> None:
    assert ask(None, "GET", "/api/state").json()["screen"] is False
    assert ask(None, "GET", "/api/screen.jpg").status_code == 404
