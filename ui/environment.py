"""What Kivy reads when it is first imported: exactly one input, no frames by the clock, nothing
from outside.

Exactly one provider delivers each touch. Kivy's own defaults deliver one touch twice (the mouse
that X emulates and the device itself). Here SDL makes mouse events out of the first finger on a
touch panel, and the mouse provider serves these and a pointer's alike: the finger events of SDL
themselves are dropped by Kivy on Linux (kivy/core/window/window_sdl2.py, ``fingerdown``). The image
must therefore not configure another provider, and must not unset SDL_TOUCH_MOUSE_EVENTS.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile


def prepare_kivy(width_px: int = 1080, height_px: int = 1920, fullscreen: bool = False) -> None:
    """Set environment and configuration. Must run before any other import of Kivy."""
    # Kivy loads asyncio, and that OpenSSL where it finds it: 6 MB for what talks to nobody by TLS.
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
    os.environ["KIVY_NO_ARGS"] = "1"
    os.environ["KIVY_NO_CONFIG"] = "1"
    os.environ["KIVY_LOG_MODE"] = "PYTHON"  # leave stderr and the root logger alone
    os.environ["SDL_TOUCH_MOUSE_EVENTS"] = "1"
    os.environ["SDL_MOUSE_TOUCH_EVENTS"] = "0"
    os.environ["SDL_VIDEO_ALLOW_SCREENSAVER"] = "0"
    if "KIVY_HOME" not in os.environ:
        home = tempfile.mkdtemp(prefix="outpost-ui-")
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        os.environ["KIVY_HOME"] = home

    from kivy.config import Config  # only now: it reads the environment above

    graphics: dict[str, object] = {
        "width": width_px,
        "height": height_px,
        "position": "custom",
        "left": 0,
        "top": 0,
        "multisamples": 0,
        "maxfps": 0,  # ui.loop sets the pace
        "resizable": 0,
        "borderless": int(fullscreen),
        "fullscreen": 0,
        "show_cursor": int(not fullscreen),
        "vsync": 0,
    }
    for key, value in graphics.items():
        Config.set("graphics", key, value)
    Config.set("kivy", "log_level", "warning")
    Config.set("kivy", "exit_on_escape", 0)
    Config.set("kivy", "keyboard_mode", "")
    for provider, _ in Config.items("input"):
        Config.remove_option("input", provider)
    Config.set("input", "mouse", "mouse,disable_multitouch,disable_hover")
