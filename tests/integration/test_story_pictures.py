"""What the scripted story's table of pictures promises, without playing the story."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from firmware.demo.pictures import MODES, ONE_PICTURE, SCREENS, alike, table
from firmware.messages.views import Language, Size, View


def test_every_screen_the_kiosk_can_show_has_a_line() -> None:
    screens = {str(view.__struct_config__.tag) for view in get_args(View)}
    assert screens <= {line.screen for line in table(Path("nowhere"))}
    assert screens & set(ONE_PICTURE) == {"attract"}


def test_the_modes_are_all_languages_in_all_sizes() -> None:
    wanted = {(str(language), str(size)) for language in Language for size in Size}
    assert {(mode.language, mode.size) for mode in MODES} == wanted
    assert len(MODES) == len(wanted)


def test_a_picture_that_is_not_there_or_empty_is_named(tmp_path: Path) -> None:
    _take_all(tmp_path)
    assert [line for line in table(tmp_path) if line.missing] == []
    (tmp_path / "case-en-elder.png").unlink()
    (tmp_path / "help-zh-normal.png").write_bytes(b"")
    missing = {line.screen: line.missing for line in table(tmp_path) if line.missing}
    assert missing == {"case": ("case-en-elder.png",), "help": ("help-zh-normal.png",)}


def test_a_mode_that_changed_nothing_is_noticed(tmp_path: Path) -> None:
    _take_all(tmp_path)
    assert alike(tmp_path) == []
    same = (tmp_path / "pay-zh-normal.png").read_bytes()
    (tmp_path / "pay-zh-elder.png").write_bytes(same)
    assert alike(tmp_path) == [("pay-zh-elder.png", "pay-zh-normal.png")]


def _take_all(folder: Path) -> None:
    """A file for every picture the story owes, each with a content of its own."""
    names = [f"{picture}.png" for picture, _ in ONE_PICTURE.values()]
    for pictures in SCREENS.values():
        names += [f"{picture}-{mode.name}.png" for picture in pictures for mode in MODES]
    for name in names:
        (folder / name).write_text(name)
