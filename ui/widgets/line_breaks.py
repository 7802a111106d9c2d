"""Where a line of mixed Chinese and Latin text may end.

Kivy breaks at spaces only, which leaves a ragged hole before a long Chinese run. Here a line may
end after any Chinese character, Latin words and numbers stay whole, and no line starts with a
closing mark or ends with an opening one (GB/T 15834, 5.1.10).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

NOT_AT_START = set("，。、；：？！）》」』】”’…·%")
FIRST_WIDE = "\u2e80"
"""Chinese characters start here (Unicode, CJK Radicals Supplement)."""

NOT_AT_END = set("（《「『【“‘")


def pieces(text: str) -> list[str]:
    """The parts of ``text`` between which a line may end."""
    found: list[str] = []
    start = 0
    for index, (former, following) in enumerate(pairwise(text), 1):
        opens = text[:index].rstrip(" ")[-1:] in NOT_AT_END
        if not opens and _may_break(former, following):
            found.append(text[start:index])
            start = index
    found.append(text[start:])
    return found


def _may_break(former: str, following: str) -> bool:
    if following in NOT_AT_START or following == " ":
        return False
    if former == " ":
        return True
    return former >= FIRST_WIDE or following >= FIRST_WIDE


def broken(text: str, width: float, measure: Callable[[str], float]) -> str:
    """``text`` with line ends put in so that no line is wider than ``width`` if it can be."""
    if not text or measure(text) <= width:
        return text
    return "\n".join(_paragraph(part, width, measure) for part in text.split("\n"))


def _paragraph(text: str, width: float, measure: Callable[[str], float]) -> str:
    lines: list[str] = []
    line = ""
    for piece in pieces(text):
        if line and measure((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line = piece
        else:
            line += piece
    return "\n".join([*lines, line.rstrip()])
