"""What a ground paints: its picture on whole pixels, and nothing at all for what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from kivy.uix.widget import Widget
from PIL import Image

from tests.ui.stepping import PORTRAIT, Stand
from ui.theme.look import Look
from ui.theme.stage import current
from ui.widgets.panels import Ground
from ui.widgets.rounded import CLEAR


def _painted(widget: Widget, folder: Path) -> Image.Image:
    root = Widget(size=(60, 60))
    root.add_widget(widget)
    root.export_to_png(str(folder / "painted.png"))
    return Image.open(folder / "painted.png")


def _ground(widget: Widget) -> Ground:
    Stand(Look(PORTRAIT))
    return Ground(widget)


def test_what_has_no_size_is_not_painted(tmp_path: Path) -> None:
    widget = Widget(size=(0, 0))
    _ground(widget).paint("primary", "outline", 2)
    assert _painted(widget, tmp_path).getbbox() is None


def test_what_lost_its_size_or_colour_is_not_painted_any_more(tmp_path: Path) -> None:
    shrunk, bleached = Widget(size=(40, 40)), Widget(size=(40, 40))
    _ground(shrunk).paint("primary", "outline", 2)
    shrunk.height = 0
    ground = _ground(bleached)
    ground.paint("primary")
    ground.paint("")
    for widget in (shrunk, bleached):
        assert _painted(widget, tmp_path).getbbox() is None


def test_outline_and_ground_stand_on_whole_pixels(tmp_path: Path) -> None:
    widget = Widget(pos=(10.3, 10.3), size=(40, 40))
    _ground(widget).paint("primary", "outline", 2)
    seen = _painted(widget, tmp_path)
    palette = current().look.palette
    outline, fill = palette.rgba("outline"), palette.rgba("primary")
    wanted = [CLEAR, outline, outline, fill, fill]
    for x, colour in enumerate(wanted, 9):
        assert seen.getpixel((x, 30)) == pytest.approx([c * 255 for c in colour], abs=2)
