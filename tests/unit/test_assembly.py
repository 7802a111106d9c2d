"""What each process is started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.assembly.programs import has_display, ui_command
from tests.fakes.core_process import DEPLOYMENT
from ui.__main__ import parse


def words_for_the_screen(core_uids: frozenset[int]) -> list[str]:
    command = ui_command(DEPLOYMENT, probe=None, core_uids=core_uids)
    return command[command.index("ui") + 1 :]


def test_the_screen_is_told_which_user_core_runs_as() -> None:
    given = parse(words_for_the_screen(frozenset({961, 960})))
    assert given.core_uid == [960, 961]
    assert given.socket == "/run/outpost/core.sock"


def test_at_a_desk_the_screen_trusts_its_own_user_alone() -> None:
    assert parse(words_for_the_screen(frozenset())).core_uid == []


@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"])
def test_a_desktop_or_a_chosen_driver_is_something_to_draw_on(tmp_path: Path, name: str) -> None:
    assert has_display({name: "x"}, tmp_path / "dri")
    assert not has_display({name: ""}, tmp_path / "dri")


def test_a_graphics_card_alone_is_enough(tmp_path: Path) -> None:
    assert has_display({}, tmp_path)
