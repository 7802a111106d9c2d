"""Finding a department by code, name, pinyin, initials or symptom word. Pure, no I/O.

The index is built once per change of the reference data; a search looks terms up in sorted lists
instead of comparing all of them. The order of the hits is the same for the same data.
"""

from __future__ import annotations

import string
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum

import msgspec

from store_forward.contract.wire import Department

LONGEST_QUERY = 32
"""Characters of a query that count; nobody types more, and it bounds the work."""

_SHORTEST_INSIDE_ASCII = 2
_SHORTEST_SIMILAR = 3
_SHORTEST_MENTIONED = 2
_SHORTEST_MENTIONED_ASCII = 4
_LONGEST_MENTIONED = 12
_TYPED = string.ascii_lowercase + string.digits


class Hit(msgspec.Struct, frozen=True):
    """A department found. ``matched`` is the name, code or symptom word that led to it."""

    department: Department
    matched: str


class Found(msgspec.Struct, frozen=True):
    """Hits, best first. ``suggested``: nothing fits the query, these are offers instead."""

    hits: tuple[Hit, ...]
    suggested: bool = False


class _Closeness(IntEnum):
    """How a term fits the query, best first."""

    EXACT = 0
    PREFIX = 1
    INSIDE = 2
    MENTIONED = 3
    SIMILAR = 4
    SIMILAR_PREFIX = 5


class _Kind(IntEnum):
    """What a term is, most telling first."""

    CODE = 0
    NAME = 1
    INITIALS = 2
    PINYIN = 3
    KEYWORD = 4


class _Term(msgspec.Struct, frozen=True):
    text: str
    kind: _Kind
    place: int
    shown: str


_Rank = tuple[int, int, int]


class DepartmentIndex:
    """A search index over departments."""

    def __init__(self, departments: Sequence[Department]) -> None:
        self._departments = sorted(departments, key=lambda department: department.code)
        terms: list[_Term] = []
        for place, department in enumerate(self._departments):
            terms.extend(_terms_of(place, department))
        self._terms = sorted(terms, key=lambda term: (term.text, term.kind, term.place))
        self._texts = [term.text for term in self._terms]
        # One string to look inside all terms at once; a line break cannot be typed.
        self._joined = "\n".join(self._texts)
        self._starts = _starts(self._texts)
        self._chinese = [""] * len(self._departments)
        for term in self._terms:
            if not term.text.isascii():
                self._chinese[term.place] += term.text

    def search(self, query: str, limit: int | None = None) -> Found:
        """Departments for what the patient has typed so far, best first, at most ``limit``.

        An empty query lists all departments. When nothing fits, offers come instead
        (``suggested``), so the answer is empty only when there are no departments.
        """
        typed = normalised(query)[:LONGEST_QUERY]
        if not typed:
            return Found(self._everything(limit))
        best = self._best(self._containing(typed))
        if not best:
            best = self._best(self._mentioned(typed))
        if not best and typed.isascii() and len(typed) >= _SHORTEST_SIMILAR:
            best = self._best(self._similar(typed))
        if best:
            return Found(self._ranked(best, limit))
        return Found(self._offers(typed, limit), suggested=True)

    def _containing(self, typed: str) -> Iterator[tuple[_Closeness, _Term]]:
        """Terms that are, begin with, or contain the query."""
        first, last = self._range(typed)
        for index in range(first, last):
            term = self._terms[index]
            is_whole = len(term.text) == len(typed)
            yield (_Closeness.EXACT if is_whole else _Closeness.PREFIX), term
        if typed.isascii() and len(typed) < _SHORTEST_INSIDE_ASCII:
            return
        found = self._joined.find(typed)
        while found >= 0:
            index = bisect_right(self._starts, found) - 1
            if self._starts[index] != found:
                yield _Closeness.INSIDE, self._terms[index]
            found = self._joined.find(typed, self._starts[index] + len(self._texts[index]))

    def _mentioned(self, typed: str) -> Iterator[tuple[_Closeness, _Term]]:
        """Terms that stand within the query, as in 我头痛三天了."""
        shortest = _SHORTEST_MENTIONED_ASCII if typed.isascii() else _SHORTEST_MENTIONED
        for start in range(len(typed)):
            for end in range(start + shortest, min(len(typed), start + _LONGEST_MENTIONED) + 1):
                for term in self._exactly(typed[start:end]):
                    yield _Closeness.MENTIONED, term

    def _similar(self, typed: str) -> Iterator[tuple[_Closeness, _Term]]:
        """Terms that begin with the query after one typing error is undone."""
        for variant in sorted(_one_edit_away(typed)):
            first, last = self._range(variant)
            for index in range(first, last):
                term = self._terms[index]
                is_whole = len(term.text) == len(variant)
                yield (_Closeness.SIMILAR if is_whole else _Closeness.SIMILAR_PREFIX), term

    def _offers(self, typed: str, limit: int | None) -> tuple[Hit, ...]:
        """Departments that share most characters with the query, then by code."""
        wanted = {char for char in typed if not char.isascii()}
        shared = [sum(char in text for char in wanted) for text in self._chinese]
        places = sorted(range(len(shared)), key=lambda place: (-shared[place], place))
        return tuple(
            Hit(self._departments[place], self._departments[place].name.zh)
            for place in places[:limit]
        )

    def _everything(self, limit: int | None) -> tuple[Hit, ...]:
        return tuple(Hit(one, one.name.zh) for one in self._departments[:limit])

    def _ranked(self, best: dict[int, tuple[_Rank, str]], limit: int | None) -> tuple[Hit, ...]:
        places = sorted(best, key=lambda place: (best[place][0], place))
        return tuple(Hit(self._departments[place], best[place][1]) for place in places[:limit])

    def _best(self, found: Iterable[tuple[_Closeness, _Term]]) -> dict[int, tuple[_Rank, str]]:
        """The best term of each department found, by its place."""
        best: dict[int, tuple[_Rank, str]] = {}
        for closeness, term in found:
            # A longer word mentioned tells more; elsewhere a shorter term fits better.
            size = -len(term.text) if closeness is _Closeness.MENTIONED else len(term.text)
            rank = (int(closeness), int(term.kind), size)
            known = best.get(term.place)
            if known is None or rank < known[0]:
                best[term.place] = (rank, term.shown)
        return best

    def _range(self, prefix: str) -> tuple[int, int]:
        """Indices of the terms that begin with ``prefix``."""
        first = bisect_left(self._texts, prefix)
        return first, bisect_left(self._texts, prefix + "\U0010ffff", first)

    def _exactly(self, text: str) -> Iterator[_Term]:
        index = bisect_left(self._texts, text)
        while index < len(self._texts) and self._texts[index] == text:
            yield self._terms[index]
            index += 1


def normalised(text: str) -> str:
    """What counts of a text: letters, digits and Chinese; case, width, tones and gaps do not."""
    # ü is typed as v; this must come before its dots are taken for a tone.
    text = unicodedata.normalize("NFKC", text).casefold()
    for marked in "üǖǘǚǜ":
        text = text.replace(marked, "v")
    return "".join(char for char in unicodedata.normalize("NFKD", text) if char.isalnum())


def _terms_of(place: int, department: Department) -> Iterator[_Term]:
    name = department.name
    # A term that occurs twice counts as what it is first: a code may well be the initials.
    given = [
        (name.zh, _Kind.NAME, name.zh),
        (name.en, _Kind.NAME, name.en),
        (department.initials, _Kind.INITIALS, name.zh),
        (department.pinyin, _Kind.PINYIN, name.zh),
        (department.code, _Kind.CODE, department.code),
        *((word, _Kind.NAME, name.en) for word in name.en.split()),
        *((word, _Kind.KEYWORD, shown) for word, shown in _keywords(department.keywords)),
    ]
    seen: set[str] = set()
    for text, kind, shown in given:
        term = normalised(text)
        if term and term not in seen:
            seen.add(term)
            yield _Term(term, kind, place, shown)


def _keywords(keywords: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each keyword with what to show for it.

    Lower-case Latin forms are how the word before them is typed: 头痛 toutong tt, CT ct.
    """
    word = ""
    for keyword in keywords:
        if not (keyword.isascii() and keyword.islower() and word):
            word = keyword
        yield keyword, word


def _starts(texts: Sequence[str]) -> list[int]:
    """Where each text begins in the texts joined by one character."""
    starts, position = [], 0
    for text in texts:
        starts.append(position)
        position += len(text) + 1
    return starts


def _one_edit_away(typed: str) -> set[str]:
    """All strings one deletion, swap, replacement or insertion away (Damerau 1964)."""
    cuts = [(typed[:at], typed[at:]) for at in range(len(typed) + 1)]
    variants = {left + right[1:] for left, right in cuts if right}
    variants |= {left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1}
    variants |= {left + char + right[1:] for left, right in cuts if right for char in _TYPED}
    variants |= {left + char + right for left, right in cuts for char in _TYPED}
    return variants - {typed, ""}
