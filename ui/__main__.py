"""``python -m ui --socket PATH``: the patient screen.

Options give the visible area in pixels and millimetres; ``--windowed`` keeps the mouse pointer and
the window's frame; ``--probe PATH`` opens the read-only socket of ui.probe.
"""

from __future__ import annotations

import argparse
import signal
import sys


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m ui", description="The patient screen.")
    parser.add_argument("--socket", required=True, help="core's Unix socket")
    parser.add_argument("--width-px", type=int, default=1080)
    parser.add_argument("--height-px", type=int, default=1920)
    parser.add_argument("--width-mm", type=float, default=268.0)
    parser.add_argument("--height-mm", type=float, default=476.0)
    parser.add_argument("--windowed", action="store_true", help="a desktop window with a pointer")
    parser.add_argument("--core-uid", type=int, action="append", default=[], help="core's user id")
    parser.add_argument("--probe", help="Unix socket to serve ui.probe on (off by default)")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run until told to stop."""
    given = parse(arguments)
    from ui.environment import prepare_kivy

    prepare_kivy(given.width_px, given.height_px, fullscreen=not given.windowed)
    # Kivy reads environment and configuration on import, so it may only come now.
    from ui.app import Options, OutpostScreen
    from ui.theme.look import Geometry

    geometry = Geometry(given.width_px, given.height_px, given.width_mm, given.height_mm)
    screen = OutpostScreen(
        Options(given.socket, geometry, given.windowed, given.probe, frozenset(given.core_uid))
    )
    signal.signal(signal.SIGTERM, lambda *_: screen.stop())
    screen.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
