"""``outpost staff-code``: from digits somebody types to the deployment file that lets them in."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from firmware.config.loader import load_deployment
from firmware.core.staff_code import is_code
from firmware.demo.workspace import prepare
from tests.fakes.command_line import command, environment, outpost

CODE = "135791"


def answer(terminal: int, prompt: bytes, typed: str) -> bytes:
    """Type this once it is asked for; returns what was shown until then."""
    shown = b""
    while not shown.endswith(prompt):
        shown += os.read(terminal, 1000)
    os.write(terminal, f"{typed}\n".encode())
    return shown


def test_what_it_prints_is_a_table_of_the_deployment_file(tmp_path: Path) -> None:
    ended = outpost("staff-code", typed=f"{CODE}\n")
    assert (ended.code, ended.err) == (0, "")
    assert CODE not in ended.out
    space = prepare(tmp_path / "kiosk", width_px=1080, height_px=1920)
    text = space.deployment.read_text().partition("[staff]")[0]
    space.deployment.write_text(text + ended.out)
    hashed = load_deployment(space.deployment).staff.code
    assert is_code(CODE, hashed)
    assert not is_code("135790", hashed)


def test_the_same_code_has_another_hash_each_time() -> None:
    assert outpost("staff-code", typed=CODE).out != outpost("staff-code", typed=CODE).out


@pytest.mark.parametrize("typed", ["", "12345", "1234567890123", "12345x", "１２３４５６"])
def test_what_is_no_code_is_told_in_one_line(typed: str) -> None:
    ended = outpost("staff-code", typed=f"{typed}\n")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "outpost staff-code: a code has 6 to 12 digits and nothing else\n"


@pytest.mark.parametrize(("again", "code"), [(CODE, 0), ("999999", 2)])
def test_at_a_terminal_it_is_asked_for_twice_and_never_shown(again: str, code: int) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("staff-code"),
        env=environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = answer(ours, b"digits): ", CODE) + answer(ours, b"again: ", again)
        out, _ = process.communicate(timeout=20)
    os.close(ours)
    assert process.returncode == code
    assert CODE.encode() not in shown + out


def test_a_deployment_file_with_a_code_in_plain_digits_is_refused_with_the_remedy(
    tmp_path: Path,
) -> None:
    space = prepare(tmp_path / "kiosk", width_px=1080, height_px=1920)
    text = space.deployment.read_text().partition("[staff]")[0]
    space.deployment.write_text(f'{text}[staff]\ncode = "{CODE}"\n')
    ended = outpost("config", "check", space.deployment)
    assert ended.code != 0
    assert "staff.code" in ended.err
    assert "outpost staff-code" in ended.err
