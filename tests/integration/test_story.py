"""``outpost demo`` as people start it: the whole kiosk, its story, and a desk left tidy.

The story (firmware/demo/story.py) judges every promise itself and writes down what it found.
These two tests take the machine for themselves: a minute or more of real processes.
"""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import uuid4

import pytest

from firmware.demo.pictures import MODES
from tests.fakes.command_line import command, environment, outpost
from tests.fakes.left_behind import MARK, marked, still_there

STORY_SECONDS = 420
VANISH_SECONDS = 5
KIOSK_PROCESSES = ("gateway", "lab", "devices", "core", "sync", "ui", "Xvfb")

pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture(name="temporary")
def _temporary() -> Iterator[Path]:
    """A folder with a short name: the path of a Unix socket has room for 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="o-") as folder:
        yield Path(folder)


@pytest.mark.timeout(STORY_SECONDS + 60)
def test_the_scripted_story_keeps_every_promise(tmp_path: Path, temporary: Path) -> None:
    mark, out = uuid4().hex, tmp_path / "out"
    ended = outpost(
        *("demo", "--scripted", "--out", out),
        seconds=STORY_SECONDS,
        more={MARK: mark, "TMPDIR": str(temporary)},
    )
    assert ended.code == 0, ended.out + ended.err
    report = json.loads((out / "report.json").read_bytes())
    assert report["verdict"] == "every promise held"
    assert [check for check in report["checks"] if not check["held"]] == []
    assert report["cash_box_fen"] == report["journal"]["credited_fen"] > 0
    assert len(report["pictures"]) > 0
    for line in report["pictures"]:
        assert line["missing"] == [], line
        assert line["remark"] or len(line["pictures"]) == len(MODES)
        assert all((out / "screens" / name).is_file() for name in line["pictures"].values())
    for text in (out / "slips").glob("*.txt"):
        assert text.with_suffix(".png").stat().st_size > 0
        assert "凭条号" in text.read_text()
    assert still_there(mark, VANISH_SECONDS) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_stopped_demo_leaves_nothing_behind(temporary: Path, how: signal.Signals) -> None:
    mark = uuid4().hex
    with demo_by_hand(mark, temporary) as demo:
        assert demo.stdout is not None
        wait_for(demo.stdout, "The kiosk is up.", seconds=90)
        running = " ".join(marked(mark))
        assert [name for name in KIOSK_PROCESSES if name not in running] == []
        assert list(temporary.iterdir()) != []
        demo.send_signal(how)
        demo.communicate(timeout=25)
        assert demo.returncode == 0
    assert still_there(mark, VANISH_SECONDS) == []
    assert list(temporary.iterdir()) == []


@contextmanager
def demo_by_hand(mark: str, temporary: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo on a machine without a display, in a process group of its own."""
    demo = subprocess.Popen(
        command("demo"),
        env=environment(**{MARK: mark, "TMPDIR": str(temporary)}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # As at a terminal: what a shell starts in its background does not hear Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        yield demo
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.communicate()


def wait_for(lines: IO[str], text: str, seconds: float) -> None:
    """Read until a line says so; silence for too long ends the wait."""
    seen: list[str] = []
    found = threading.Event()

    def read() -> None:
        for line in lines:
            seen.append(line)
            if text in line:
                found.set()
                return

    threading.Thread(target=read, daemon=True).start()
    assert found.wait(seconds), "".join(seen)
