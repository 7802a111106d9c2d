"""Every screen in every mode keeps the rules of the lint walker."""

from __future__ import annotations

from itertools import product

import pytest

from firmware.messages.views import Contrast, Language, Size
from tests.ui.lint_walker import lint
from tests.ui.sample_screens import Modes, every_screen
from tests.ui.stepping import FONTS, LANDSCAPE, PORTRAIT, Stand
from ui.theme.colours import OUTLINE_PAIRS, PALETTES, TEXT_PAIRS, contrast_ratio
from ui.theme.look import Geometry, Look

GEOMETRIES = {"portrait": PORTRAIT, "landscape": LANDSCAPE}
MODES = [
    Modes(language, size, contrast, reach)
    for language, size, contrast, reach in product(
        Language, Size, (Contrast.NORMAL,), (False, True)
    )
] + [Modes(language, Size.ELDER, Contrast.HIGH) for language in Language]


def _id(modes: Modes) -> str:
    reach = "-reach" if modes.reach else ""
    high = "-contrast" if modes.contrast is Contrast.HIGH else ""
    return f"{modes.language.value}-{modes.size.value}{high}{reach}"


CASES = [
    pytest.param(geometry, modes, id=f"{name}-{_id(modes)}")
    for name, geometry in GEOMETRIES.items()
    for modes in MODES
    if not (modes.reach and geometry is LANDSCAPE)
]


@pytest.mark.parametrize(("geometry", "modes"), CASES)
def test_every_screen_keeps_the_rules(geometry: Geometry, modes: Modes) -> None:
    screens = every_screen(modes)
    stand = Stand(Look(geometry).following(screens["home"].frame))
    found = [
        f"{name}: {problem}"
        for name, screen in screens.items()
        for problem in lint(stand.show(screen), stand.look, FONTS.coverage)
    ]
    assert found == []


@pytest.mark.parametrize("contrast", list(Contrast))
def test_text_is_readable_in_every_role_pair(contrast: Contrast) -> None:
    palette = PALETTES[contrast]
    ratios = {p: contrast_ratio(palette.rgba(p[0]), palette.rgba(p[1])) for p in TEXT_PAIRS}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 7} == {}


@pytest.mark.parametrize("contrast", list(Contrast))
def test_outlines_are_visible(contrast: Contrast) -> None:
    palette = PALETTES[contrast]
    ratios = {p: contrast_ratio(palette.rgba(p[0]), palette.rgba(p[1])) for p in OUTLINE_PAIRS}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 3} == {}
