"""What Kivy reads when it is first imported: exactly one input, 30 frames, nothing from outside.

Exactly one provider delivers each touch. Kivy's own defaults deliver one touch twice (the mouse
that X emulates and the device itself). Here the mouse provider serves pointer events, SDL's own
provider serves touch screens, and SDL is told not to make mouse events out of touches. The image
must therefore not configure another provider, and must not set SDL_TOUCH_MOUSE_EVENTS.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile

MAX_FRAMES_PER_SECOND = 60
"""A touch waits for the next frame: 17 ms at most here, 33 ms at 30, which is too long of 60 ms
from press to visible. Idle, 60 costs about one per cent of a core more than 30."""


def prepare_kivy(width_px: int = 1080, height_px: int = 1920, fullscreen: bool = False) -> None:
    """Set environment and configuration. Must run before any other import of Kivy."""
    # Kivy loads asyncio, and that OpenSSL where it finds it: 6 MB for what talks to nobody by TLS.
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
    os.environ["KIVY_NO_ARGS"] = "1"
    os.environ["KIVY_NO_CONFIG"] = "1"
    os.environ["KIVY_LOG_MODE"] = "PYTHON"  # leave stderr and the root logger alone
    os.environ["SDL_TOUCH_MOUSE_EVENTS"] = "0"
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
        "maxfps": MAX_FRAMES_PER_SECOND,
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
    Config.set("input", "mouse", "mouse,disable_multitouch")
