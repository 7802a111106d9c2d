"""``outpost demo``: to play with by hand, or to play the story by itself."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path

from firmware.demo.display import Xvfb, desk_display, display_size, window_size
from firmware.demo.kiosk import DeskKiosk
from firmware.demo.processes import ProcessFailed
from firmware.demo.workspace import STAFF_CODE, prepare

HAND_SIZE = (720, 1280)
"""Window on a virtual display: the portrait kiosk, scaled."""

STORY_SIZE = (1080, 1920)
"""The kiosk's own screen, for screenshots."""


def run_demo(*, scripted: bool, out: Path | None, keep: bool) -> int:
    """Run the demo; returns the exit code (0 for a story in which every check held)."""
    if out is not None and not scripted:
        print("outpost demo: --out goes with --scripted", file=sys.stderr)
        return 2
    root = Path(tempfile.mkdtemp(prefix="outpost-demo-"))
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if scripted:
            return _play(root, out or Path("demo-out"))
        return _by_hand(root)
    except ProcessFailed as failure:
        print(f"outpost demo: {failure}\nlogs: {root / 'logs'}", file=sys.stderr)
        keep = True
        return 1
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _stop_in_peace() -> None:
    """A second Ctrl-C must not leave half of the processes behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


def _play(root: Path, out: Path) -> int:
    from firmware.demo.story import play

    width_px, height_px = STORY_SIZE
    display = Xvfb(width_px, height_px)
    kiosk = DeskKiosk(prepare(root, width_px=width_px, height_px=height_px), display.name, _say)
    try:
        kiosk.start()
        return 0 if play(kiosk, out) else 1
    finally:
        _stop_in_peace()
        kiosk.stop()
        display.stop()


def _by_hand(root: Path) -> int:
    name = desk_display()
    room = display_size(name) if name else None
    size = window_size(room) if room else None
    virtual = None if name and size else Xvfb(*HAND_SIZE)
    display = virtual.name if virtual else name or ""
    width_px, height_px = size or HAND_SIZE
    space = prepare(root, width_px=width_px, height_px=height_px)
    kiosk = DeskKiosk(space, display, _say, is_virtual=virtual is not None)
    try:
        print(f"Starting a kiosk in {root} …", flush=True)
        kiosk.start()
        _explain(kiosk, is_virtual=virtual is not None)
        threading.Event().wait()
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
    finally:
        _stop_in_peace()
        kiosk.stop()
        if virtual is not None:
            virtual.stop()
    return 0


def _explain(kiosk: DeskKiosk, *, is_virtual: bool) -> None:
    space = kiosk.space
    print(
        f"""
The kiosk is up.

  Hardware lab   {kiosk.lab.url}
                 lay the ID card down, feed notes, tear off slips, jam or unplug devices,
                 cut the network, see the gateway's rows
  Staff code     {STAFF_CODE}: at the screen, help (求助), then 工作人员入口 / For staff
  Gateway        https://127.0.0.1:{kiosk.gateway_port}  (OpenAPI at /schema)
  Deployment     {space.deployment}
  Logs           {space.logs}"""
    )
    if is_virtual:
        print(
            f"""  Screen         no display here holds the window, so it is on Xvfb {kiosk.display}:
                 the lab's page shows it and takes touches; or, with package x11vnc,
                 x11vnc -localhost -display {kiosk.display}"""
        )
    print("\nCtrl-C stops everything.", flush=True)
