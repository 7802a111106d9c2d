"""The pictogram family: 48 × 48 units, stroke 3, round ends, one idea each."""

from __future__ import annotations

import math

from ui.theme.drawing import Arc, Box, Disc, Drawing, Point, Primitive, Shape, Stroke

GRID = 48.0
STROKE = 3.0


_HALF_DISC: tuple[Point, ...] = tuple(
    (24 + 18 * math.cos(math.radians(a)), 24 + 18 * math.sin(math.radians(a)))
    for a in range(-90, 91, 5)
)
_CALENDAR: tuple[Primitive, ...] = (
    Box(7, 10, 34, 32, 5),
    Stroke(((7, 20), (41, 20))),
    Stroke(((16, 5), (16, 14))),
    Stroke(((32, 5), (32, 14))),
)
_BUBBLE_END: tuple[Point, ...] = ((14, 34), (9, 34), (6, 31), (6, 10), (9, 7))
_TEAR: tuple[Point, ...] = ((24, 37.5), (19.3, 42), (14.7, 37.5), (10, 42))
_RECEIPT: tuple[Primitive, ...] = (
    Stroke(((10, 42), (10, 6), (38, 6), (38, 42), (33.3, 37.5), (28.7, 42), *_TEAR)),
)
_YUAN: tuple[Primitive, ...] = (
    Stroke(((17, 12), (24, 20), (31, 12))),
    Stroke(((24, 20), (24, 33))),
    Stroke(((18, 23), (30, 23))),
    Stroke(((18, 28), (30, 28))),
)
_WAVES: tuple[Primitive, ...] = (
    Arc(24, 36, 26, 225, 315),
    Arc(24, 36, 17.5, 225, 315),
    Arc(24, 36, 9, 225, 315),
    Disc(24, 36, 3),
)
_PAGE: tuple[Primitive, ...] = (Box(9, 5, 25, 36, 4), Stroke(((16, 14), (27, 14))))
_CHECK = Stroke(((12, 25), (21, 34), (37, 15)))

PARTS: dict[str, tuple[Primitive, ...]] = {
    "emblem": (
        Box(4, 4, 40, 40, 11, None, "ink"),
        Stroke(((24, 14), (24, 34)), "raised", 5.5),
        Stroke(((14, 24), (34, 24)), "raised", 5.5),
    ),
    "register_today": (
        *_CALENDAR,
        Stroke(((24, 25), (24, 37))),
        Stroke(((18, 31), (30, 31))),
    ),
    "book": (
        *_CALENDAR,
        *(Disc(x, y, 2.2) for y in (27, 34.5) for x in (15, 24, 33)),
    ),
    "check_in": (
        Box(9, 9, 30, 34, 5),
        Box(18, 5, 12, 8, 3, fill="ink"),
        Stroke(((16, 28), (22, 34), (32, 22))),
    ),
    "pay_bills": (*_RECEIPT, *_YUAN),
    "top_up": (
        Box(5, 13, 38, 28, 5),
        Stroke(((9, 13), (30, 6), (34, 13))),
        Stroke(((24, 20), (24, 34))),
        Stroke(((17, 27), (31, 27))),
    ),
    "query": (
        *_PAGE,
        Stroke(((16, 21), (21, 21))),
        Arc(30, 29, 8),
        Stroke(((36, 35), (43, 42))),
    ),
    "print": (
        Stroke(((14, 16), (14, 6), (34, 6), (34, 16))),
        Stroke(((13, 34), (7, 34), (7, 17), (41, 17), (41, 34), (35, 34))),
        Box(14, 28, 20, 14, 2),
        Disc(34, 22.5, 2),
    ),
    "inpatient": (
        Stroke(((6, 10), (6, 40))),
        Stroke(((6, 33), (42, 33))),
        Stroke(((42, 40), (42, 26), (38, 21), (21, 21), (21, 33))),
        Arc(13.5, 24, 4.5),
    ),
    "vaccination": (
        Stroke(((31, 5), (43, 17))),
        Stroke(((37, 11), (31, 17))),
        Stroke(((24, 10), (38, 24), (22, 40), (8, 26), (24, 10))),
        Stroke(((15, 33), (5, 43))),
        Stroke(((18, 16), (23, 21))),
        Stroke(((13, 21), (18, 26))),
    ),
    "feedback": (
        Stroke(((9, 7), (39, 7), (42, 10), (42, 31), (39, 34), (24, 34), (14, 42), *_BUBBLE_END)),
        Disc(16, 20.5, 2.4),
        Disc(24, 20.5, 2.4),
        Disc(32, 20.5, 2.4),
    ),
    "back": (Stroke(((28, 10), (14, 24), (28, 38))), Stroke(((14, 24), (38, 24)))),
    "previous": (Stroke(((30, 9), (16, 24), (30, 39))),),
    "next": (Stroke(((18, 9), (32, 24), (18, 39))),),
    "home": (
        Stroke(((5, 24), (24, 7), (43, 24))),
        Stroke(((11, 21), (11, 41), (37, 41), (37, 21))),
        Stroke(((24, 41), (24, 30))),
    ),
    "help": (
        Arc(24, 24, 19),
        Arc(24, 19, 6.2, 180, 400),
        Stroke(((28.7, 23), (24, 27), (24, 29))),
        Disc(24, 35.5, 2.3),
    ),
    "person": (Arc(24, 14.5, 8), Arc(24, 44, 17, 195, 345), Stroke(((8, 42), (40, 42)))),
    "elder": (
        Stroke(((4, 38), (14, 10), (24, 38))),
        Stroke(((7.5, 29), (20.5, 29))),
        Stroke(((36, 16), (36, 36))),
        Stroke(((29, 23), (36, 16), (43, 23))),
    ),
    "contrast": (
        Arc(24, 24, 18),
        Shape(_HALF_DISC),
    ),
    "reach": (
        Stroke(((24, 6), (24, 28))),
        Stroke(((14, 19), (24, 29), (34, 19))),
        Box(7, 35, 34, 7, 3),
    ),
    "language": (
        Arc(24, 24, 18),
        Stroke(((6, 24), (42, 24))),
        Stroke(((24, 6), (17, 14), (15.5, 24), (17, 34), (24, 42))),
        Stroke(((24, 6), (31, 14), (32.5, 24), (31, 34), (24, 42))),
    ),
    "online": _WAVES,
    "offline": (*_WAVES, Stroke(((8, 8), (40, 42)))),
    "emergency": (Box(5, 5, 38, 38, 8), Stroke(((24, 14), (24, 34))), Stroke(((14, 24), (34, 24)))),
    "check": (_CHECK,),
    "success": (Arc(24, 24, 19), Stroke(((15, 25), (21.5, 31.5), (33.5, 18)))),
    "cross": (Stroke(((13, 13), (35, 35))), Stroke(((35, 13), (13, 35)))),
    "warning": (
        Stroke(((24, 6), (44, 41), (4, 41), (24, 6), (25, 8))),
        Stroke(((24, 19), (24, 28))),
        Disc(24, 34.5, 2.3),
    ),
    "info": (Arc(24, 24, 19), Disc(24, 15, 2.5), Stroke(((24, 22), (24, 34)))),
    "clock": (Arc(24, 24, 19), Stroke(((24, 13), (24, 25), (32, 30)))),
    "delete": (
        Stroke(((17, 11), (42, 11), (42, 37), (17, 37), (6, 24), (17, 11))),
        Stroke(((23, 19), (33, 29))),
        Stroke(((33, 19), (23, 29))),
    ),
    "card": (
        Box(4, 10, 40, 28, 4),
        Arc(33, 20.5, 4),
        Arc(33, 37, 8, 205, 335),
        Stroke(((11, 19), (21, 19))),
        Stroke(((11, 25), (21, 25))),
        Stroke(((11, 31), (17, 31))),
    ),
    "place": (
        Arc(24, 20, 14, 145, 395),
        Stroke(((12.5, 28), (24, 43), (35.5, 28))),
        Arc(24, 20, 4.5),
    ),
    "doctor": (
        Arc(24, 13, 8),
        Stroke(((8, 42), (8, 36), (14, 29), (34, 29), (40, 36), (40, 42), (8, 42))),
        Stroke(((24, 31), (24, 39))),
        Stroke(((20, 35), (28, 35))),
    ),
    "department": (
        Stroke(((9, 42), (9, 7), (39, 7), (39, 42))),
        Stroke(((4, 42), (44, 42))),
        Stroke(((24, 14), (24, 25))),
        Stroke(((18.5, 19.5), (29.5, 19.5))),
        Stroke(((19, 42), (19, 33), (29, 33), (29, 42))),
    ),
    "money": (
        Box(4, 12, 40, 24, 4),
        Arc(24, 24, 6),
        Disc(11, 24, 2.2),
        Disc(37, 24, 2.2),
    ),
    "slip": (
        *_RECEIPT,
        Stroke(((17, 15), (31, 15))),
        Stroke(((17, 22), (31, 22))),
        Stroke(((17, 29), (25, 29))),
    ),
    "search": (Arc(21, 21, 14), Stroke(((31.5, 31.5), (42, 42)))),
    "differs": (
        Stroke(((8, 18), (40, 18))),
        Stroke(((8, 31), (40, 31))),
        Stroke(((32, 7), (16, 42))),
    ),
    "follows": (
        Arc(13, 12, 7),
        Stroke(((13, 19), (13, 35), (38, 35))),
        Stroke(((31, 27), (39, 35), (31, 43))),
    ),
    "lock": (
        Box(9, 21, 30, 22, 4),
        Stroke(((15, 21), (15, 15))),
        Arc(24, 15, 9, 180, 360),
        Stroke(((33, 15), (33, 21))),
        Disc(24, 32, 2.6),
    ),
    "more": (Disc(11, 24, 3.6), Disc(24, 24, 3.6), Disc(37, 24, 3.6)),
}

PICTOGRAMS = {name: Drawing(GRID, GRID, STROKE, parts) for name, parts in PARTS.items()}
