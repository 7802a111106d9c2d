"""What every widget looks up while it is built: the look, the texts, the fonts, the textures.

KV builds widgets by class name, so this cannot come through constructors. There is one window a
process and one look at a time; a new look means a new stage and freshly built widgets, so nothing
can keep a former colour, size or language.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kivy.graphics.texture import Texture
from kivy.lang.parser import global_idmap

from firmware.messages.views import Contrast
from ui.i18n.catalogue import Catalogue
from ui.theme.colours import PALETTES
from ui.theme.drawing import Drawing, render
from ui.theme.fonts import Fonts
from ui.theme.look import Look
from ui.theme.machine import PICTURES
from ui.theme.pictograms import PICTOGRAMS

DRAWINGS: dict[str, Drawing] = PICTOGRAMS | PICTURES


MOST_TEXTURES = 160
"""Both contrasts and sizes of what is shown often; 9 MB at most, and a switch need not draw."""


@lru_cache(maxsize=MOST_TEXTURES)
def _texture(name: str, width_px: int, ink: str, contrast: Contrast) -> Any:
    width, height, pixels = render(DRAWINGS[name], width_px, PALETTES[contrast], ink)
    texture = Texture.create(size=(width, height), colorfmt="rgba")
    # Shown as large as it is, on whole pixels.
    texture.mag_filter = texture.min_filter = "nearest"
    texture.blit_buffer(pixels, colorfmt="rgba", bufferfmt="ubyte")
    texture.flip_vertical()
    return texture


@dataclass(frozen=True)
class Stage:
    """Look, texts and fonts; pictures are rendered once for each size, ink and contrast."""

    look: Look
    catalogue: Catalogue
    fonts: Fonts

    def enter(self) -> None:
        """Make this the stage that widgets built from now on stand on."""
        global_idmap["stage"] = self
        global_idmap["look"] = self.look
        global_idmap["tr"] = self.catalogue.text

    def texture(self, name: str, width_px: int, ink: str) -> Any:
        """The drawing ``name`` at this width in the role ``ink``."""
        return _texture(name, width_px, ink, self.look.contrast)


def current() -> Stage:
    """The stage in force."""
    stage = global_idmap["stage"]
    assert isinstance(stage, Stage)  # noqa: S101 – set by enter() before any widget is built
    return stage
