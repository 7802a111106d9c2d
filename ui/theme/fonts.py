"""The two faces of the screen, cut out of Debian's Noto collection, and which glyphs they have.

SDL_ttf can only open face 0 of a collection, which draws Japanese forms (直 令 画 房 诊). The
Simplified-Chinese face is therefore written to a file of its own once: its tables are copied as
they are (OpenType 1.9, "Font Collections"), which takes 0.1 s.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

COLLECTIONS = {
    "regular": Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    "bold": Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc"),
}
SIMPLIFIED_CHINESE_FACE = 2
MISSING = "□"


class FontsMissingError(Exception):
    """The Chinese fonts are not installed."""


@dataclass(frozen=True)
class Coverage:
    """Code points of a font, as sorted ranges (start, end inclusive)."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def __contains__(self, character: str) -> bool:
        code = ord(character)
        at = bisect_right(self.starts, code) - 1
        return at >= 0 and code <= self.ends[at]

    def shown(self, text: str) -> str:
        """``text`` with a box for every character that has no glyph: never a silent gap."""
        if text.isascii():
            return text
        return "".join(c if c == "\n" or c in self else MISSING for c in text)


@dataclass(frozen=True)
class Fonts:
    """Paths of both faces and what they can draw."""

    regular: str
    bold: str
    coverage: Coverage


def load_fonts(folder: Path | None = None) -> Fonts:
    """Both faces, extracted into ``folder`` first if they are not there.

    Raises FontsMissingError when the Noto collections are not installed.
    """
    target = folder or default_folder()
    paths = {name: _extracted(name, source, target) for name, source in COLLECTIONS.items()}
    coverage = _read_coverage(paths["regular"])
    return Fonts(str(paths["regular"]), str(paths["bold"]), coverage)


def default_folder() -> Path:
    """``$OUTPOST_FONTS``, else the user's cache folder (XDG Base Directory)."""
    named = os.environ.get("OUTPOST_FONTS")
    if named:
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "outpost" / "fonts"


def _extracted(name: str, collection: Path, folder: Path) -> Path:
    path = folder / f"outpost-sans-sc-{name}.otf"
    if path.exists():
        return path
    if not collection.exists():
        raise FontsMissingError(
            f"{collection} is missing: the screen cannot draw Chinese. Install fonts-noto-cjk."
        )
    folder.mkdir(parents=True, exist_ok=True)
    # Two processes may start at once: each writes its own file, the rename is atomic.
    unfinished = folder / f".{path.name}.{os.getpid()}"
    unfinished.write_bytes(extract_face(collection.read_bytes(), SIMPLIFIED_CHINESE_FACE))
    unfinished.replace(path)
    return path


def extract_face(collection: bytes, face: int) -> bytes:
    """One face of a TrueType/OpenType collection as a font file of its own."""
    if collection[:4] != b"ttcf":
        raise ValueError("not a font collection: it does not start with 'ttcf'")
    (offset,) = struct.unpack_from(">I", collection, 12 + 4 * face)
    (count,) = struct.unpack_from(">H", collection, offset + 4)
    header = bytearray(collection[offset : offset + 12])
    tables: list[bytes] = []
    position = 12 + 16 * count
    for index in range(count):
        tag, checksum, start, length = struct.unpack_from(
            ">4sIII", collection, offset + 12 + 16 * index
        )
        header += struct.pack(">4sIII", tag, checksum, position, length)
        table = collection[start : start + length] + b"\0" * (-length % 4)
        tables.append(table)
        position += len(table)
    return bytes(header) + b"".join(tables)


def _read_coverage(path: Path) -> Coverage:
    """The ranges of the font's format-12 character map (OpenType 1.9, "cmap")."""
    with path.open("rb") as file:
        head = file.read(12 + 16 * 64)
        (count,) = struct.unpack_from(">H", head, 4)
        records = [struct.unpack_from(">4sIII", head, 12 + 16 * i) for i in range(count)]
        start, length = next((s, n) for tag, _, s, n in records if tag == b"cmap")
        file.seek(start)
        cmap = file.read(length)
    (subtables,) = struct.unpack_from(">H", cmap, 2)
    for index in range(subtables):
        (at,) = struct.unpack_from(">I", cmap, 8 + 8 * index)
        if struct.unpack_from(">H", cmap, at)[0] == 12:
            (groups,) = struct.unpack_from(">I", cmap, at + 12)
            ranges = [struct.unpack_from(">II", cmap, at + 16 + 12 * g) for g in range(groups)]
            return Coverage(tuple(r[0] for r in ranges), tuple(r[1] for r in ranges))
    raise ValueError(f"{path} has no format-12 character map")
