"""``python -m tests.ui.gallery FOLDER [NAME…]``: every screen in every mode as PNG, to look at."""

from __future__ import annotations

import sys
from pathlib import Path

from firmware.messages.views import Contrast, Language, Size
from tests.ui.sample_screens import Modes, every_screen
from tests.ui.stepping import LANDSCAPE, PORTRAIT, Stand
from ui.theme.look import Geometry, Look

SETS: dict[str, tuple[Geometry, Modes]] = {
    "zh": (PORTRAIT, Modes()),
    "en": (PORTRAIT, Modes(Language.EN)),
    "zh-elder": (PORTRAIT, Modes(size=Size.ELDER)),
    "en-elder": (PORTRAIT, Modes(Language.EN, Size.ELDER)),
    "zh-contrast": (PORTRAIT, Modes(contrast=Contrast.HIGH)),
    "zh-reach": (PORTRAIT, Modes(reach=True)),
    "en-elder-reach": (PORTRAIT, Modes(Language.EN, Size.ELDER, reach=True)),
    "zh-landscape": (LANDSCAPE, Modes()),
    "en-elder-landscape": (LANDSCAPE, Modes(Language.EN, Size.ELDER)),
}


def render_all(folder: Path, only: list[str]) -> None:
    """``only``: names of sets or screens; all if empty."""
    folder.mkdir(parents=True, exist_ok=True)
    sets = [name for name in SETS if name in only] or list(SETS)
    for set_name in sets:
        geometry, modes = SETS[set_name]
        screens = every_screen(modes)
        names = [name for name in screens if name in only] or list(screens)
        look = Look(geometry)
        stand = Stand(look.following(screens["home"].frame))
        for name in names:
            stand.show(screens[name])
            stand.picture(str(folder / f"{name}.{set_name}.png"))


if __name__ == "__main__":
    render_all(Path(sys.argv[1]), sys.argv[2:])
