"""ESC/POS as the printer understands it: one element of the byte stream at a time.

Written from the command reference alone; shares nothing with the encoder. It is strict where
cheap printers are: Chinese appears only in Chinese mode (``FS &``), and what it does not know is
noted and skipped by the length the command family prescribes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from devices.receipt_printer.paper import (
    PAPER_DOTS,
    BlankRow,
    QrRow,
    Row,
    Run,
    Style,
    TextRow,
    UnprintableRow,
    character_dots,
)

_ESC, _FS, _GS, _DLE = 0x1B, 0x1C, 0x1D, 0x10
_GAP_TO_KNIFE_DOTS = 120

# Bytes of parameters after ESC/GS/FS + letter, for commands that do nothing visible here.
_IGNORED: dict[tuple[int, int], int] = {
    **{(_ESC, ord(letter)): 1 for letter in " %=?GRSTVct{M"},
    **{(_ESC, ord(letter)): 2 for letter in "$\\cB"},
    (_ESC, ord("p")): 3,
    (_ESC, ord("L")): 0,
    (_ESC, ord("S")): 0,
    **{(_GS, ord(letter)): 1 for letter in "HbfhwI/"},
    **{(_GS, ord(letter)): 2 for letter in "LPW$\\"},
    (_FS, ord("C")): 1,
    (_FS, ord("S")): 2,
    (_FS, ord("-")): 1,
    (_FS, ord("W")): 1,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one element did: bytes consumed, paper moved, and what the machine must do next."""

    consumed: int
    rows: tuple[Row, ...] = ()
    cuts: bool = False
    process_id: bytes | None = None
    transmits: int | None = None
    automatic_status: int | None = None
    note: str = ""


class PaperInterpreter:
    """Turns bytes into rows; keeps the modes between elements."""

    def __init__(self) -> None:
        self._qr_module = 3
        self._qr_level = "L"
        self._qr_data = b""
        self._initialize()

    def _initialize(self) -> None:
        self._style = Style()
        self._align = 0
        self._spacing = 30
        self._is_chinese = False
        self._runs: list[Run] = []
        self._line_dots = 0

    def next_element(self, data: bytes) -> Outcome | None:
        """Read the first element of ``data``; None when more bytes are needed to know it."""
        first = data[0]
        if first == 0x0A:
            return Outcome(1, self._end_line())
        if first in (_ESC, _FS, _GS):
            return self._command(data)
        if first == _DLE:
            return self._left_over_realtime(data)
        if first < 0x20:
            known = first in (0x09, 0x0C, 0x0D, 0x18)
            return Outcome(1, note="" if known else f"control byte {first:02x}")
        return self._character(data)

    def left_on_paper(self) -> tuple[Row, ...]:
        """Characters waiting in the line buffer when printing is broken off are lost."""
        self._runs, self._line_dots = [], 0
        return ()

    # --- text ---------------------------------------------------------------------------------

    def _character(self, data: bytes) -> Outcome | None:
        first = data[0]
        if first < 0x80:
            size, text = 1, chr(first)
        elif not self._is_chinese or first in (0x80, 0xFF):
            size, text = 1, data[:1].decode("cp437")
        else:
            if len(data) < 2:
                return None
            size = 4 if 0x30 <= data[1] <= 0x39 else 2
            if len(data) < size:
                return None
            text = data[:size].decode("gb18030", "replace")[:1]
        wrapped: tuple[Row, ...] = ()
        if self._line_dots + character_dots(text, self._style) > PAPER_DOTS:
            wrapped = self._end_line()
        self._put(text)
        return Outcome(size, wrapped)

    def _put(self, text: str) -> None:
        if self._runs and self._runs[-1].style == self._style:
            self._runs[-1] = Run(self._runs[-1].text + text, self._style)
        else:
            self._runs.append(Run(text, self._style))
        self._line_dots += character_dots(text, self._style)

    def _end_line(self) -> tuple[Row, ...]:
        runs, self._runs, self._line_dots = tuple(self._runs), [], 0
        if not runs:
            return (BlankRow(self._spacing),)
        height = max(24 * run.style.height for run in runs)
        return (TextRow(runs, self._align, max(self._spacing, height + 4)),)

    # --- commands -----------------------------------------------------------------------------

    def _command(self, data: bytes) -> Outcome | None:
        if len(data) < 2:
            return None
        key = (data[0], data[1])
        if data[0] == _GS and data[1] in b"(":
            return self._extended(data)
        one_byte: dict[tuple[int, int], Callable[[int], Outcome]] = {
            (_ESC, ord("E")): lambda n: self._restyle(is_bold=bool(n & 1)),
            (_ESC, ord("-")): lambda n: self._restyle(is_underlined=n % 48 > 0),
            (_GS, ord("B")): lambda n: self._restyle(is_inverted=bool(n & 1)),
            (_GS, ord("!")): lambda n: self._restyle(width=(n >> 4 & 7) + 1, height=(n & 7) + 1),
            (_ESC, ord("!")): self._print_mode,
            (_FS, ord("!")): lambda n: self._restyle(
                width=2 if n & 0x04 else 1, height=2 if n & 0x08 else 1
            ),
            (_ESC, ord("a")): self._set_align,
            (_ESC, ord("3")): self._set_spacing,
            (_ESC, ord("d")): lambda n: Outcome(3, self._feed(n * self._spacing)),
            (_ESC, ord("J")): lambda n: Outcome(3, self._feed(n)),
            (_GS, ord("a")): lambda n: Outcome(3, automatic_status=n),
            (_GS, ord("r")): lambda n: Outcome(3, transmits=n),
        }
        if key in one_byte:
            return one_byte[key](data[2]) if len(data) >= 3 else None
        if data[0] == _GS and data[1] == ord("V"):
            return self._cut(data)
        if key == (_GS, ord("k")) or key == (_GS, ord("v")):
            return self._graphics(data)
        if key == (_ESC, ord("D")):
            end = data.find(0, 2)
            return Outcome(end + 1) if end >= 0 else (None if len(data) < 35 else Outcome(2))
        return self._plain_command(key, data)

    def _plain_command(self, key: tuple[int, int], data: bytes) -> Outcome | None:
        match key:
            case (0x1B, 0x40):
                self._initialize()
                return Outcome(2)
            case (0x1B, 0x32):
                self._spacing = 30
                return Outcome(2)
            case (0x1C, 0x26):
                self._is_chinese = True
                return Outcome(2)
            case (0x1C, 0x2E):
                self._is_chinese = False
                return Outcome(2)
        extra = _IGNORED.get(key)
        if extra is None:
            return Outcome(2, note=f"unknown command {data[:2].hex()}")
        return Outcome(2 + extra) if len(data) >= 2 + extra else None

    def _restyle(self, **changes: int | bool) -> Outcome:
        self._style = replace(self._style, **changes)  # type: ignore[arg-type]
        return Outcome(3)

    def _print_mode(self, n: int) -> Outcome:
        return self._restyle(
            is_bold=bool(n & 0x08),
            height=2 if n & 0x10 else 1,
            width=2 if n & 0x20 else 1,
            is_underlined=bool(n & 0x80),
        )

    def _set_align(self, n: int) -> Outcome:
        self._align = n % 48 if n % 48 <= 2 else self._align
        return Outcome(3)

    def _set_spacing(self, n: int) -> Outcome:
        self._spacing = n
        return Outcome(3)

    def _feed(self, dots: int) -> tuple[Row, ...]:
        pending = self._end_line() if self._runs else ()
        return (*pending, BlankRow(dots)) if dots else pending

    def _cut(self, data: bytes) -> Outcome | None:
        if len(data) < 3:
            return None
        if data[2] in (0x41, 0x42):
            if len(data) < 4:
                return None
            return Outcome(4, self._feed(_GAP_TO_KNIFE_DOTS + data[3]), cuts=True)
        return Outcome(3, self._end_line() if self._runs else (), cuts=True)

    def _graphics(self, data: bytes) -> Outcome | None:
        """Bar codes (GS k) and raster images (GS v 0): skipped by their own length."""
        if data[1] == ord("v"):
            if len(data) < 8:
                return None
            size = 8 + (data[4] + data[5] * 256) * (data[6] + data[7] * 256)
            height = data[6] + data[7] * 256
        else:
            if len(data) < 4:
                return None
            end = data.find(0, 3) + 1 if data[2] <= 6 else 4 + data[3]
            size, height = end or len(data) + 1, 80
        if len(data) < size:
            return None
        kind = "image" if data[1] == ord("v") else "bar code"
        return Outcome(size, (UnprintableRow(kind, height),), note=f"{kind} not drawn")

    def _extended(self, data: bytes) -> Outcome | None:
        """``GS ( letter pL pH …``: the length says how much belongs to it."""
        if len(data) < 5:
            return None
        size = 5 + data[3] + data[4] * 256
        if len(data) < size:
            return None
        body = data[5:size]
        if data[2] == ord("k") and len(body) >= 2 and body[0] == 49:
            return Outcome(size, self._qr(body[1], body[2:]))
        if data[2] == ord("H") and len(body) == 6 and body[:2] == b"00":
            return Outcome(size, process_id=body[2:])
        return Outcome(size, note=f"unknown command {data[:3].hex()}")

    def _qr(self, function: int, body: bytes) -> tuple[Row, ...]:
        match function:
            case 67 if body:
                self._qr_module = body[0]
            case 69 if body:
                self._qr_level = {48: "L", 49: "M", 50: "Q", 51: "H"}.get(body[0], "L")
            case 80:
                self._qr_data = body[1:]
            case 81 if self._qr_data:
                row = QrRow(self._qr_data, self._qr_module, self._align, self._qr_level, 0)
                return (replace(row, advance_dots=_qr_dots(row)),)
        return ()

    def _left_over_realtime(self, data: bytes) -> Outcome | None:
        """Real-time commands were obeyed on arrival; here they are only stepped over."""
        if len(data) < 2:
            return None
        if data[1] == 0x14:
            if len(data) < 3:
                return None
            size = 10 if data[2] == 8 else 5
            return Outcome(size) if len(data) >= size else None
        if data[1] in (0x04, 0x05):
            return Outcome(3) if len(data) >= 3 else None
        return Outcome(1, note="control byte 10")


def _qr_dots(row: QrRow) -> int:
    """Height of the code on paper, from the size its content needs."""
    import segno  # not needed unless a code is printed

    symbol = segno.make_qr(row.data, error=row.error_level, boost_error=False)
    return int(symbol.symbol_size(scale=1, border=0)[1]) * row.module_dots + 8
