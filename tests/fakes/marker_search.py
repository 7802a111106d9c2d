"""Searches every byte of files for thousands of texts, in the forms text takes on disks."""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

WORD = 8
"""Bytes; a text whose form is shorter is found in noise, too."""


@dataclass(frozen=True)
class Found:
    """A text, the form it was in, and the file."""

    text: str
    form: str
    where: str


class MarkerSearch:
    """Looks for texts at every offset: their first eight bytes as one number, then the rest."""

    def __init__(self, texts: Iterable[str], raw: Iterable[bytes] = ()) -> None:
        self._patterns: dict[int, dict[int, dict[bytes, tuple[str, str]]]] = {}
        """First word → length → pattern → text and form."""
        for text in texts:
            for form, pattern in forms(text):
                self._add(pattern, text, form)
        for number, pattern in enumerate(raw):
            self._add(pattern, f"secret {number}", "raw")
        self._words = frozenset(self._patterns)

    def _add(self, pattern: bytes, text: str, form: str) -> None:
        if len(pattern) < WORD:
            raise ValueError(f"{text!r} is too short in the form {form}")
        word = array("Q", pattern[:WORD])[0]
        lengths = self._patterns.setdefault(word, {})
        lengths.setdefault(len(pattern), {}).setdefault(pattern, (text, form))

    def in_bytes(self, data: bytes, where: str = "") -> set[Found]:
        """All texts in these bytes."""
        found: set[Found] = set()
        for offset in range(min(WORD, len(data))):
            length = (len(data) - offset) // WORD * WORD
            words = array("Q", data[offset : offset + length])
            if self._words.isdisjoint(words):
                continue
            for index, word in enumerate(words):
                start = offset + index * WORD
                for length, patterns in self._patterns.get(word, {}).items():
                    match = patterns.get(data[start : start + length])
                    if match is not None:
                        found.add(Found(*match, where))
        return found

    def in_files(self, *folders: Path) -> set[Found]:
        """All texts in these folders: in the content of every file, and in the names."""
        found: set[Found] = set()
        for path in (path for folder in folders for path in folder.rglob("*")):
            found |= self.in_bytes(path.name.encode() + bytes(WORD), f"name of {path}")
            if path.is_file():
                found |= self.in_bytes(path.read_bytes(), str(path))
        return found


def forms(text: str) -> Iterator[tuple[str, bytes]]:
    """The forms of a text, by name."""
    plain = text.encode()
    yield "UTF-8", plain
    for encoding in ("UTF-16-LE", "UTF-16-BE", "GB18030"):
        yield encoding, text.encode(encoding)
    yield "hex", plain.hex().encode()
    yield "HEX", plain.hex().upper().encode()
    yield "JSON escapes", json.dumps(text).strip('"').encode()
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + plain)
        # Only the characters that the text alone decides, not what stands before or behind it.
        first, end = -(-8 * shift // 6), 8 * (shift + len(plain)) // 6
        yield f"Base64+{shift}", encoded[first:end]
