"""Shows a printed slip as thermal paper: for the lab's panel and for documentation."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import segno
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from devices.receipt_printer.paper import (
    PAPER_DOTS,
    BlankRow,
    QrRow,
    Row,
    Run,
    TextRow,
    UnprintableRow,
    character_dots,
)

_PAPER_WIDTH = 640  # 80 mm at 8 dots/mm
_MARGIN = (_PAPER_WIDTH - PAPER_DOTS) // 2
_HEAD_TO_KNIFE = 120  # dots of every slip that lie above its first line, 15 mm
_TOP, _BOTTOM, _SHADOW = 72, 36, 16
_TALLEST = 12_000
_INK = 52
_PAPER = (250, 249, 245)
_FONT_FOLDERS = (
    Path("/usr/share/fonts/opentype/noto"),
    Path("/usr/share/fonts/noto-cjk"),
    Path("/usr/share/fonts/opentype/noto-cjk"),
)
_MONO_SC = 7  # NotoSansCJK.ttc: 0-4 proportional, 5-9 monospaced, third of each Simplified Chinese


@lru_cache(maxsize=8)
def _font(is_bold: bool, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    name = f"NotoSansCJK-{'Bold' if is_bold else 'Regular'}.ttc"
    for folder in _FONT_FOLDERS:
        if (folder / name).exists():
            return ImageFont.truetype(folder / name, size, index=_MONO_SC)
    return ImageFont.load_default(size)


def render_png(rows: Sequence[Row], seed: int) -> bytes:
    """Draw a slip of these rows. The same rows and seed give the same picture."""
    printed = sum(row.advance_dots for row in rows)
    last = rows[-1] if rows else None
    # The feed to the knife becomes the head of the next slip, not the foot of this one.
    printed -= min(last.advance_dots, _HEAD_TO_KNIFE) if isinstance(last, BlankRow) else 0
    height = min(_TALLEST, _TOP + printed + _BOTTOM)
    ink = Image.new("L", (_PAPER_WIDTH, height), 0)
    y = _TOP
    for row in rows:
        if y >= height:
            break
        match row:
            case TextRow():
                _draw_text(ink, row, y)
            case QrRow():
                _draw_qr(ink, row, y)
            case UnprintableRow():
                ImageDraw.Draw(ink).text((_MARGIN, y), row.text, 150, font=_font(False, 22))
            case BlankRow():
                pass
        y += row.advance_dots
    picture = _on_thermal_paper(ink, seed=seed)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _left_edge(width: int, align: int) -> int:
    return _MARGIN + max(0, (PAPER_DOTS - width) * align // 2)


def _draw_text(ink: Image.Image, row: TextRow, y: int) -> None:
    x = _left_edge(sum(run.dots for run in row.runs), row.align)
    tallest = max(24 * run.style.height for run in row.runs)
    for run in row.runs:
        _draw_run(ink, run, x, y + tallest - 24 * run.style.height)
        x += run.dots


def _draw_run(ink: Image.Image, run: Run, x: int, y: int) -> None:
    """Each character in its own cell, stretched as a printer stretches its dot font."""
    style = run.style
    scale = max(style.width, style.height)
    font = _font(style.is_bold, 22 * scale)
    line = Image.new("L", (run.dots, 24 * style.height), 0)
    at = 0
    for character in run.text:
        width = character_dots(character, style)
        cell = Image.new("L", (width * scale // style.width, 24 * scale), 0)
        ImageDraw.Draw(cell).text(
            (cell.width / 2, 19.5 * scale), character, 255, font=font, anchor="ms"
        )
        if cell.size != (width, line.height):
            cell = cell.resize((width, line.height), Image.Resampling.LANCZOS)
        line.paste(cell, (at, 0))
        at += width
    if style.is_underlined:
        ImageDraw.Draw(line).line((0, line.height - 2, run.dots, line.height - 2), 255, 2)
    if style.is_inverted:
        line = ImageChops.invert(line)
    ink.paste(line, (x, y))


def _draw_qr(ink: Image.Image, row: QrRow, y: int) -> None:
    symbol = segno.make_qr(row.data, error=row.error_level, boost_error=False)
    matrix = [bytes(line) for line in symbol.matrix]
    left = _left_edge(len(matrix) * row.module_dots, row.align)
    draw = ImageDraw.Draw(ink)
    for line, modules in enumerate(matrix):
        for column, is_dark in enumerate(modules):
            if is_dark:
                corner = (left + column * row.module_dots, y + 4 + line * row.module_dots)
                far = tuple(edge + row.module_dots - 1 for edge in corner)
                draw.rectangle((*corner, *far), 255)


def _on_thermal_paper(ink: Image.Image, seed: int) -> Image.Image:
    """Warm paper, soft grey-black print, the knife's edge on top, the tear bar's below."""
    chance = random.Random(seed)  # noqa: S311 - the look of paper
    width, height = ink.size
    print_density = ink.filter(ImageFilter.GaussianBlur(0.55))
    coarse = (width // 2, height // 2)
    grain = Image.frombytes("L", coarse, chance.randbytes(coarse[0] * coarse[1])).resize(ink.size)
    paper = Image.new("RGB", ink.size, _PAPER)
    grain_mask = grain.point(lambda level: 16 if level > 170 else 0)
    paper.paste((236, 234, 228), mask=grain_mask)
    curl = Image.linear_gradient("L").rotate(90).resize(ink.size)
    edge_shade = curl.point(lambda level: abs(level - 128) // 9)
    paper.paste((214, 211, 203), mask=edge_shade)
    faded = print_density.point(lambda level: level * (255 - _INK // 3) // 255)
    paper.paste((_INK, _INK, _INK + 6), mask=faded)

    outline = [(0.0, 5.0), (float(width), 5.0)]
    step = 8
    for index, x in enumerate(range(width, -1, -step)):
        depth = 9 if index % 2 else 2
        outline.append((float(x), height - depth - chance.uniform(0, 2.5)))
    shape = Image.new("L", ink.size, 0)
    ImageDraw.Draw(shape).polygon(outline, 255)
    sheet = Image.new("RGBA", (width + 2 * _SHADOW, height + 2 * _SHADOW), (0, 0, 0, 0))
    shadow = Image.new("L", sheet.size, 0)
    shadow.paste(shape.point(lambda level: level * 70 // 255), (_SHADOW, _SHADOW + 4))
    sheet.putalpha(shadow.filter(ImageFilter.GaussianBlur(7)))
    sheet.paste(paper, (_SHADOW, _SHADOW), shape)
    return sheet
