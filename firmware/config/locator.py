"""Where each key of a TOML text stands: ``tomllib`` gives values, this gives their lines.

The text must already have been accepted by ``tomllib``; the scanner relies on that and only
follows structure. It never evaluates values.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
"""Names of tables and keys, and positions (from 0) in arrays: ``("device", 0, "port")``."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACES = re.compile(r"[ \t]*")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_BASIC = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL = re.compile(r"'[^'\n]*'")
_LONG_BASIC = re.compile(r'"""(?:[^\\]|\\.)*?"""+', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''.*?'''+", re.DOTALL)


def locate_keys(text: str) -> Mapping[KeyPath, int]:
    """Return the line (from 1) of every table, key and array element in valid TOML ``text``.

    Lines end in ``\\n``. A table that is only implied (``[a.b]`` implies ``a``) gets the line
    that first implies it; an array of tables gets the line of its first element.
    """
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0
        self._lines: dict[KeyPath, int] = {}
        self._lengths: dict[KeyPath, int] = {}
        """How many elements each array of tables has had so far."""

    def scan(self) -> Mapping[KeyPath, int]:
        table: KeyPath = ()
        while True:
            self._skip(_BLANK)
            if self._at >= len(self._text):
                return self._lines
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._assignment(table)

    def _header(self) -> KeyPath:
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        *parents, name = self._key()
        self._at += 2 if is_array else 1
        path: KeyPath = ()
        for parent in parents:
            path = self._newest((*path, parent))
            self._note(path)
        path = (*path, name)
        self._note(path)
        if not is_array:
            return path
        self._lengths[path] = self._lengths.get(path, 0) + 1
        path = self._newest(path)
        self._note(path)
        return path

    def _newest(self, path: KeyPath) -> KeyPath:
        """Follow an array of tables into its latest element, as TOML headers do."""
        return (*path, self._lengths[path] - 1) if path in self._lengths else path

    def _assignment(self, table: KeyPath) -> None:
        path = table
        start = self._at
        for name in self._key():
            path = (*path, name)
            self._note(path, start)
        self._at += 1  # the equals sign
        self._value(path)

    def _key(self) -> list[str]:
        names = []
        while True:
            self._skip(_SPACES)
            match self._text[self._at]:
                case '"':
                    raw = self._skip(_BASIC)
                    names.append(str(tomllib.loads(f"key = {raw}")["key"]))
                case "'":
                    names.append(self._skip(_LITERAL)[1:-1])
                case _:
                    names.append(self._skip(_BARE_KEY))
            self._skip(_SPACES)
            if self._text[self._at] != ".":
                return names
            self._at += 1

    def _value(self, path: KeyPath) -> None:
        self._skip(_SPACES)
        for opening, pattern in (
            ('"""', _LONG_BASIC),
            ("'''", _LONG_LITERAL),
            ('"', _BASIC),
            ("'", _LITERAL),
        ):
            if self._text.startswith(opening, self._at):
                self._skip(pattern)
                return
        match self._text[self._at]:
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case _:
                self._skip(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        while True:
            self._skip(_BLANK)
            match self._text[self._at]:
                case "]":
                    self._at += 1
                    return
                case ",":
                    self._at += 1
                case _:
                    element = (*path, index)
                    self._note(element)
                    self._value(element)
                    index += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while True:
            self._skip(_SPACES)
            match self._text[self._at]:
                case "}":
                    self._at += 1
                    return
                case ",":
                    self._at += 1
                case _:
                    self._assignment(path)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise ValueError(f"not valid TOML near line {self._line_of(self._at)}")
        self._at = found.end()
        return found.group()

    def _note(self, path: KeyPath, at: int | None = None) -> None:
        self._lines.setdefault(path, self._line_of(self._at if at is None else at))

    def _line_of(self, at: int) -> int:
        """Line of a position; positions only grow, so each newline is counted once."""
        self._line += self._text.count("\n", self._counted, at)
        self._counted = max(self._counted, at)
        return self._line
