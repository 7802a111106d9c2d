"""How long a key press waits for its list: the search over 2,000 made-up departments."""

from __future__ import annotations

import random
import time

from firmware.demo.bench.figures import Figure, Limit, percentile, spread
from store_forward.contract.wire import Department, Text
from store_forward.store.search import DepartmentIndex

METRIC = "search over 2,000 departments, slowest query"
DEPARTMENTS = 2_000
ROUNDS = 15
QUERIES = ("n", "nk", "neiwai", "neiwwai", "内", "我心内不舒服", "zzzzzz", "疼", "x" * 60)
"""Initials, pinyin, a typing error, signs, a sentence, nothing that fits, far too much."""

_SYLLABLES = [
    "nei",
    "wai",
    "xin",
    "gu",
    "er",
    "bi",
    "hou",
    "kou",
    "pi",
    "fu",
    "zhong",
    "yi",
    "xiao",
    "hua",
    "shen",
    "jing",
]
_SIGNS = "内外心骨耳鼻喉口皮肤中医消化神经"


def department_search() -> Figure:
    """Ask every query in turn, again and again; the figure is the p95 of the slowest one."""
    index = DepartmentIndex(_departments())
    names = [signs for _, signs, _ in _words(DEPARTMENTS, 3)]
    took: dict[str, list[float]] = {query: [] for query in QUERIES}
    plain: list[float] = []
    for _ in range(ROUNDS):
        for query in QUERIES:
            began = time.perf_counter()
            index.search(query, 20)
            took[query].append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            sum(query in name for name in names)
            plain.append((time.perf_counter() - began) * 1000)
    slowest = max(QUERIES, key=lambda query: percentile(took[query], 95))
    return Figure(
        METRIC,
        "ms",
        target=100,
        measured=percentile(took[slowest], 95),
        limit=Limit("one look at each name", percentile(plain, 50)),
        detail=f"{slowest[:12]!r}: {spread(took[slowest], 'ms')}; {len(QUERIES)} queries in turn",
    )


def _departments() -> list[Department]:
    found = []
    names = _words(DEPARTMENTS, 3)
    keywords = iter(_words(4 * DEPARTMENTS, 2))
    for number, (spelt, signs, initials) in enumerate(names):
        forms = tuple(form for _ in range(4) for form in next(keywords))
        text = Text(signs, f"Dept {number}")
        found.append(
            Department(f"D{number}", text, Text("一楼", "F1"), spelt, initials, keywords=forms)
        )
    return found


def _words(count: int, length: int) -> list[tuple[str, str, str]]:
    """Made-up words: pinyin, signs, initials."""
    chosen = random.Random(length)  # noqa: S311 - made-up names, no secret
    words = []
    for _ in range(count):
        picks = [chosen.randrange(len(_SIGNS)) for _ in range(length)]
        spelt = [_SYLLABLES[pick] for pick in picks]
        signs = "".join(_SIGNS[pick] for pick in picks)
        words.append(("".join(spelt), signs, "".join(one[0] for one in spelt)))
    return words
