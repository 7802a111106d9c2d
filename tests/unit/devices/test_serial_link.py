"""The serial link on a real pseudo-terminal."""

from __future__ import annotations

import os
import termios
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.driver import LinkLost
from devices.link.serial_port import SerialLink


@dataclass
class Pty:
    """Master and slave ends; unplugging closes both, as the lab does."""

    master: int
    slave: int
    name: str

    def unplug(self) -> None:
        for descriptor in (self.master, self.slave):
            os.close(descriptor)
        self.master = self.slave = -1


@pytest.fixture
def pty() -> Iterator[Pty]:
    master, slave = os.openpty()
    tty.setraw(slave)
    end = Pty(master, slave, os.ttyname(slave))
    yield end
    if end.master >= 0:
        end.unplug()


def test_bytes_go_both_ways_unchanged(pty: Pty) -> None:
    link = SerialLink(pty.name, 9600)
    everything = bytes(range(256))
    link.write(everything)
    assert os.read(pty.master, 300) == everything
    os.write(pty.master, everything)
    received = b""
    while len(received) < len(everything):
        received += link.read(1.0)
    assert received == everything
    link.close()


def test_silence_is_empty_bytes(pty: Pty) -> None:
    link = SerialLink(pty.name, 9600)
    assert link.read(0.01) == b""
    link.close()


def test_the_port_is_set_to_its_baud_rate(pty: Pty) -> None:
    link = SerialLink(pty.name, 115200)
    link.read(0)
    assert termios.tcgetattr(pty.slave)[4] == termios.B115200
    link.close()


@pytest.mark.parametrize("doing", ["reading", "writing"])
def test_an_unplugged_port_is_link_lost_and_names_the_port(pty: Pty, doing: str) -> None:
    link = SerialLink(pty.name, 9600)
    link.read(0)
    pty.unplug()
    with pytest.raises(LinkLost, match=rf"{pty.name}: {doing}"):
        link.read(0.5) if doing == "reading" else link.write(b"x")
    link.close()


def test_a_port_that_is_not_there_is_link_lost_on_first_use_not_before(tmp_path: Path) -> None:
    link = SerialLink(str(tmp_path / "nothing"), 9600)
    with pytest.raises(LinkLost, match="nothing: opening"):
        link.read(0)


def test_a_port_has_one_owner(pty: Pty) -> None:
    first, second = SerialLink(pty.name, 9600), SerialLink(pty.name, 9600)
    first.read(0)
    with pytest.raises(LinkLost, match="opening"):
        second.read(0)
    first.close()


def test_a_peripheral_that_takes_no_bytes_is_link_lost_not_a_hang(pty: Pty) -> None:
    link = SerialLink(pty.name, 9600)
    with pytest.raises(LinkLost, match="took no bytes"):
        link.write(bytes(200_000))


def test_what_was_said_before_opening_is_not_heard(pty: Pty) -> None:
    os.write(pty.master, b"stale")
    link = SerialLink(pty.name, 9600)
    assert link.read(0.01) == b""
    link.close()


def test_a_closed_link_stays_closed_and_closes_twice(pty: Pty) -> None:
    link = SerialLink(pty.name, 9600)
    link.read(0)
    link.close()
    link.close()
    with pytest.raises(LinkLost, match="closed"):
        link.read(0)
