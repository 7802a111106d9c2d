"""Slip document to ESC/POS bytes: python-escpos writes the commands, Chinese goes as GB18030.

python-escpos is used as an encoder only, into memory. Text bypasses its code-page guessing, which
turns ``￥`` and rare characters into ``?``: the printer is put into Chinese mode (``FS &``) once
and every character is sent as GB18030, which can express all of Unicode.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from devices.receipt_printer.document import (
    COLUMNS,
    Align,
    Columns,
    Cut,
    Feed,
    Line,
    Part,
    Qr,
    Rule,
    Size,
    SlipDocument,
)
from devices.stand_ins import stand_ins

if TYPE_CHECKING:
    from escpos.printer import Dummy

_CHINESE_MODE = b"\x1c&"  # FS &

_PROFILES_FILE = "ESCPOS_CAPABILITIES_FILE"
_PROFILES = {
    "encodings": {},
    "profiles": {
        "default": {
            "name": "80 mm printer with GB18030",
            "codePages": {},
            "features": {"paperFullCut": True, "paperPartCut": True, "qrCode": True},
            "fonts": {"0": {"name": "Font A", "columns": COLUMNS}},
        }
    },
}
"""What python-escpos is told about the printer. No code pages: text bypasses them."""

_UNUSED: dict[str, dict[str, object]] = {
    "barcode": {"PROVIDED_BARCODES": ()},
    "barcode.writer": {"ImageWriter": None},
    "escpos.image": {"EscposImage": None},
    "qrcode": {},
}
"""The printer itself draws QR codes; slips hold no other pictures."""

_NO_LINE_START = "，。、；：！？）》」』】％,.;:!?)%"
"""Punctuation that must not start a line; it is pulled up or takes its character along."""


def encode(document: SlipDocument) -> bytes:
    """Return the complete byte stream for ``document``, from ``ESC @`` to the cut."""
    printer = _new_printer()
    printer.hw("INIT")
    printer._raw(_CHINESE_MODE)
    for part in document.parts:
        _encode_part(printer, part)
    if not (document.parts and isinstance(document.parts[-1], Cut)):
        _encode_part(printer, Cut())
    return bytes(printer.output)


def _new_printer() -> Dummy:
    """Import late: processes that never print should not carry python-escpos."""
    if "escpos" not in sys.modules:
        _load_escpos()
    from escpos.printer import Dummy

    return Dummy()


def _load_escpos() -> None:
    """Load python-escpos without bar codes, images, and the profiles of all printers there are.

    That leaves 3 MB of 10, and 0.05 s of 0.4. It looks for its profiles once, while it is loaded,
    in the file that an environment variable names; it also makes a temporary folder for a cache
    of them, which it would leave behind.
    """
    before = tempfile.tempdir, os.environ.get(_PROFILES_FILE)
    with tempfile.TemporaryDirectory(prefix="outpost-escpos-") as folder:
        profiles = Path(folder, "profiles.json")
        profiles.write_text(json.dumps(_PROFILES))
        tempfile.tempdir, os.environ[_PROFILES_FILE] = folder, str(profiles)
        try:
            with stand_ins(_UNUSED):
                import escpos.printer  # noqa: F401 – for its being loaded
        finally:
            tempfile.tempdir = before[0]
            del os.environ[_PROFILES_FILE]
            if before[1] is not None:
                os.environ[_PROFILES_FILE] = before[1]


def _encode_part(printer: Dummy, part: Part) -> None:
    match part:
        case Line():
            _style(printer, part.align, part.size, is_bold=part.bold)
            _write_lines(printer, wrap(part.text, COLUMNS // part.size))
        case Columns():
            _style(printer, Align.LEFT, part.size, is_bold=part.bold)
            _write_lines(printer, side_by_side(part.left, part.right, COLUMNS // part.size))
        case Rule():
            _style(printer)
            _write_lines(printer, ["-" * COLUMNS])
        case Feed():
            _style(printer)
            printer.print_and_feed(part.lines)
        case Qr():
            _style(printer, Align.CENTER)
            # 1 is level M; native: the printer draws the code, 60 bytes instead of an image.
            printer.qr(part.data, ec=1, size=part.module_dots, native=True)
        case Cut():
            _style(printer)
            printer.cut(mode="PART")
        case _:
            assert_never(part)


def _style(
    printer: Dummy, align: Align = Align.LEFT, size: Size = 1, *, is_bold: bool = False
) -> None:
    # ``GS !`` sizes Chinese and Latin alike; ``ESC !`` leaves Chinese alone on many models.
    printer.set(align=align.value, bold=is_bold, custom_size=True, width=size, height=size)


def _write_lines(printer: Dummy, lines: list[str]) -> None:
    for line in lines:
        printer._raw(line.encode("gb18030", "replace") + b"\n")


def columns_of(text: str) -> int:
    """Columns ``text`` takes in size 1: one for ASCII, two for everything else."""
    return sum(1 if ord(character) < 0x80 else 2 for character in text)


def wrap(text: str, columns: int) -> list[str]:
    """Break ``text`` into lines of at most ``columns``; always at least one line.

    Latin words stay whole where they fit on a line; Chinese breaks anywhere except before
    closing punctuation. Control characters cannot reach the printer: they become spaces.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for piece in _unbreakable("".join(c if c.isprintable() else " " for c in paragraph)):
            if columns_of(line) + columns_of(piece.rstrip(" ")) <= columns:
                line += piece
                continue
            if line:
                lines.append(line.rstrip(" "))
            line = ""
            for character in piece.lstrip(" "):
                if columns_of(line + character) > columns:
                    lines.append(line)
                    line = ""
                line += character
        lines.append(line.rstrip(" "))
    return lines


def _unbreakable(text: str) -> list[str]:
    """Split where a line may end: after spaces, around Chinese characters."""
    pieces: list[str] = []
    for character in text:
        joins_latin = (
            pieces
            and ord(character) < 0x80
            and ord(pieces[-1][-1]) < 0x80
            and (character == " " or pieces[-1][-1] != " ")
        )
        if pieces and (joins_latin or character in _NO_LINE_START):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def side_by_side(left: str, right: str, columns: int) -> list[str]:
    """Lay out a label and its value on ``columns``: one line if both fit, else flush right."""
    gap = columns - columns_of(left) - columns_of(right)
    if gap >= 1 and "\n" not in left + right:
        return [wrap(left, columns)[0] + " " * gap + wrap(right, columns)[0]]
    return [*wrap(left, columns), *(_flush_right(line, columns) for line in wrap(right, columns))]


def _flush_right(line: str, columns: int) -> str:
    return " " * max(0, columns - columns_of(line)) + line
