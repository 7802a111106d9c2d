"""Texts by key, from gettext catalogues (``zh.po``, ``en.po``) read at start.

The catalogues are plain PO so that any translator's tool opens them; keys stand in ``msgid``.
Reading both takes 10 ms, so nothing has to be compiled.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from firmware.messages.views import Language, Text


class MissingTextError(KeyError):
    """A key without a text: a bug, found by the tests before a patient can."""


@dataclass(frozen=True)
class Catalogue:
    """All texts of one language."""

    language: Language
    texts: dict[str, str]

    def text(self, key: str, **values: object) -> str:
        """The text of ``key`` with its ``{placeholders}`` filled in."""
        try:
            found = self.texts[key]
        except KeyError:
            raise MissingTextError(f"{self.language}.po has no text for {key!r}") from None
        return found.format(**values) if values else found

    def pick(self, text: Text) -> str:
        """Reference data in this language; the other one if this one is empty."""
        if self.language is Language.EN:
            return text.en or text.zh
        return text.zh or text.en


@cache
def load_catalogue(language: Language) -> Catalogue:
    """The catalogue that ships next to this module; read once, or a switch would wait for it."""
    path = Path(__file__).parent / f"{language.value}.po"
    return Catalogue(language, parse_po(path.read_text(encoding="utf-8")))


def parse_po(source: str) -> dict[str, str]:
    """Keys and texts of a PO file (GNU gettext manual, "The Format of PO Files"); no plurals.

    Raises ValueError for a key that is given twice.
    """
    texts: dict[str, str] = {}
    parts: dict[str, str] = {}
    field = ""

    def keep() -> None:
        key = parts.get("msgid", "")
        if key in texts:
            raise ValueError(f"{key!r} is given twice")
        if key:
            texts[key] = parts.get("msgstr", "")
        parts.clear()

    for line in source.splitlines():
        keyword, _, quoted = line.partition(" ")
        if keyword in {"msgid", "msgstr"}:
            if keyword == "msgid":
                keep()
            field = keyword
            parts[field] = str(ast.literal_eval(quoted))
        elif line.startswith('"'):
            parts[field] += str(ast.literal_eval(line))
    keep()
    return texts
