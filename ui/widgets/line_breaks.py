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

LEAST_LAST_SHARE = 0.25
"""A last line shorter than this share of the width looks like a mistake."""

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
    lines: list[list[str]] = [[]]
    for piece in pieces(text):
        if lines[-1] and measure(_joined([*lines[-1], piece])) > width:
            lines.append([])
        lines[-1].append(piece)
    _fill_last(lines, width, measure)
    return "\n".join(_joined(line) for line in lines)


def _fill_last(lines: list[list[str]], width: float, measure: Callable[[str], float]) -> None:
    """Take parts of the line before down to the last one, so that no single word ends a text."""
    if len(lines) < 2:
        return
    before, last = lines[-2:]
    while len(before) > 1 and measure(_joined(last)) < LEAST_LAST_SHARE * width:
        if measure(_joined([before[-1], *last])) > width:
            return
        last.insert(0, before.pop())


def _joined(line: list[str]) -> str:
    return "".join(line).rstrip()
