"""A display for the screen tests: Xvfb if there is none, and Kivy's environment, before Kivy."""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile


def prepare_display() -> None:
    """Set up what Kivy reads when it is imported. Does nothing the second time."""
    os.environ.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")
    if "DISPLAY" not in os.environ:
        os.environ["DISPLAY"] = _start_xvfb()
    if "KIVY_HOME" not in os.environ:
        home = tempfile.TemporaryDirectory(prefix="outpost-ui-")
        atexit.register(home.cleanup)
        os.environ["KIVY_HOME"] = home.name


def _start_xvfb() -> str:
    """Start a server of our own on a number it chooses; it ends with this process."""
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1920x1920x24", "-nolisten", "tcp"],
        pass_fds=(write_end,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)

    def stop() -> None:
        server.terminate()
        server.wait(5)

    atexit.register(stop)
    with os.fdopen(read_end) as answer:
        return f":{answer.readline().strip()}"
