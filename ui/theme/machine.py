"""Pictures of the machine's own slots, with the card, note or slip drawn the right way round.

Wider than pictograms (96 × 60 units) and in several roles: the machine is muted, what the patient
holds is in ink, the arrow that says what to do is in the primary colour.
"""

from __future__ import annotations

from ui.theme.drawing import Arc, Box, Disc, Drawing, Primitive, Shape, Stroke


def _arrow_down(x: float, top: float, bottom: float) -> tuple[Primitive, ...]:
    return (
        Stroke(((x, top), (x, bottom - 4)), "primary", 3.4),
        Shape(((x - 6.5, bottom - 6), (x + 6.5, bottom - 6), (x, bottom + 2.5)), "primary"),
    )


def _arrow_up(x: float, bottom: float, top: float) -> tuple[Primitive, ...]:
    return (
        Stroke(((x, bottom), (x, top + 4)), "primary", 3.4),
        Shape(((x - 6.5, top + 6), (x + 6.5, top + 6), (x, top - 2.5)), "primary"),
    )


def _card(x: float, y: float) -> tuple[Primitive, ...]:
    """A resident identity card, portrait side up: text left, portrait right."""
    return (
        Box(x, y, 40, 24, 3, "ink", "raised"),
        Box(x + 27, y + 5, 9, 13, 1.5, None, "primary_tint"),
        Disc(x + 31.5, y + 9.5, 2.6, "primary"),
        Shape(((x + 27.5, y + 18), (x + 31.5, y + 12.5), (x + 35.5, y + 18)), "primary"),
        Stroke(((x + 5, y + 6.5), (x + 17, y + 6.5)), "outline", 1.6),
        Stroke(((x + 5, y + 11), (x + 21, y + 11)), "outline", 1.6),
        Stroke(((x + 5, y + 18.5), (x + 22, y + 18.5)), "ink", 1.6),
    )


def _note(x: float, y: float) -> tuple[Primitive, ...]:
    """A banknote seen from above, short side towards the machine."""
    return (
        Box(x, y, 22, 32, 2, "ink", "raised"),
        Arc(x + 11, y + 16, 5.5, 0, 360, "primary", 1.8),
        Stroke(((x + 5, y + 5.5), (x + 11, y + 5.5)), "outline", 1.6),
        Stroke(((x + 11, y + 26.5), (x + 17, y + 26.5)), "outline", 1.6),
    )


_READER: tuple[Primitive, ...] = (
    Shape(((14, 58), (82, 58), (74, 40), (22, 40)), "sunken"),
    Stroke(((14, 58), (82, 58), (74, 40), (22, 40), (14, 58)), "outline", 1.8),
    Stroke(((34, 49), (62, 49)), "primary", 2.2),
)
_MOUTH: tuple[Primitive, ...] = (
    Box(14, 3, 68, 19, 4, "outline", "sunken"),
    Box(30, 10, 36, 5, 2.5, None, "ink"),
)

PICTURES = {
    "lay_card": Drawing(96, 62, 1.8, (*_READER, *_card(28, 2), *_arrow_down(48, 29, 43))),
    "card_reading": Drawing(
        96,
        62,
        1.8,
        (
            *_READER,
            *_card(28, 22),
            Arc(48, 18, 5, 225, 315, "primary", 2.4),
            Arc(48, 18, 10, 225, 315, "primary", 2.4),
            Arc(48, 18, 15, 225, 315, "primary", 2.4),
        ),
    ),
    "take_card": Drawing(96, 62, 1.8, (*_READER, *_card(28, 10), *_arrow_up(83, 30, 8))),
    "insert_note": Drawing(96, 62, 1.8, (*_note(37, 27), *_MOUTH, *_arrow_up(83, 54, 32))),
    "note_moving": Drawing(
        96,
        62,
        1.8,
        (*_note(37, 15), *_MOUTH, *(Disc(x, 56, 2.4, "primary") for x in (40, 48, 56))),
    ),
    "take_note": Drawing(96, 62, 1.8, (*_note(37, 22), *_MOUTH, *_arrow_down(83, 30, 54))),
    "slip_out": Drawing(
        96,
        62,
        1.8,
        (
            Box(33, 12, 30, 44, 1.5, "ink", "raised"),
            Stroke(((39, 29), (57, 29)), "outline", 1.6),
            Stroke(((39, 34), (57, 34)), "outline", 1.6),
            Stroke(((39, 39), (50, 39)), "outline", 1.6),
            Box(50, 43, 8, 8, 0.5, None, "ink"),
            Box(14, 3, 68, 19, 4, "outline", "sunken"),
            Box(28, 10, 40, 5, 2.5, None, "ink"),
            *_arrow_down(83, 30, 54),
        ),
    ),
}
