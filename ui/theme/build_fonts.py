"""``python -m ui.theme.build_fonts [FOLDER]``: cut the screen's faces out ahead."""

from __future__ import annotations

import sys
from pathlib import Path

from ui.theme.fonts import load_fonts


def build(arguments: list[str]) -> None:
    """Write both faces into the folder (default: the user's cache) and say where they are."""
    fonts = load_fonts(Path(arguments[0]) if arguments else None)
    sys.stdout.write(f"{fonts.regular}\n{fonts.bold}\n")


if __name__ == "__main__":
    build(sys.argv[1:])
