"""The lab's command line."""

from __future__ import annotations

import argparse

import pytest

from devices.lab.__main__ import (
    Address,
    device_option,
    loopback_address,
    parser,
    proxy_option,
)
from devices.lab.emulation import EMULATORS, UnknownEmulator, build_emulator


def test_a_device_has_a_name_and_a_kind() -> None:
    assert device_option("cash1=cash_acceptor/ccnet") == ("cash1", "cash_acceptor/ccnet")


@pytest.mark.parametrize("text", ["cash1", "cash1=toaster/x", "../x=cash_acceptor/ccnet", "=", ""])
def test_other_devices_are_refused_with_the_known_kinds(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="cash_acceptor/ccnet"):
        device_option(text)


def test_the_panel_is_on_loopback() -> None:
    assert loopback_address("127.0.0.1:0") == Address("127.0.0.1", 0)
    assert loopback_address("[::1]:8800") == Address("::1", 8800)


@pytest.mark.parametrize("text", ["0.0.0.0:80", "192.0.2.1:80", "127.0.0.1", "x:80", "::1:99999"])
def test_the_panel_is_nowhere_else(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        loopback_address(text)


def test_the_proxy_has_two_ports() -> None:
    assert proxy_option("9443:8443") == (9443, 8443)
    for wrong in ("9443", "a:b", "1:0", ""):
        with pytest.raises(argparse.ArgumentTypeError):
            proxy_option(wrong)


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])
    words = capsys.readouterr().out
    assert "curl" in words
    assert "--device" in words


@pytest.mark.parametrize("kind", sorted(EMULATORS))
def test_every_known_kind_can_be_built(kind: str) -> None:
    emulator = build_emulator(kind)
    assert emulator.actions
    assert isinstance(emulator.state(), dict)


def test_an_unknown_kind_is_said_to_be_unknown() -> None:
    with pytest.raises(UnknownEmulator, match="toaster"):
        build_emulator("toaster/x")
