"""Calling actions with arguments from outside."""

from __future__ import annotations

from typing import Any

import pytest

from devices.lab.actions import Argument, UnknownAction, WrongArguments, arguments_of, call
from tests.fakes.toy_emulator import ToyEmulator


def test_an_action_is_called_with_its_arguments() -> None:
    toy = ToyEmulator()
    call(toy.actions, "print", {"text": "a", "copies": 2, "mark": "x"})
    assert [slip.text for slip in toy.slips] == ["a mark=x"] * 2


def test_an_unknown_action_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownAction, match="print, speak, tear"):
        call(ToyEmulator().actions, "dance", {})


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("print", {}, "missing a required argument: 'text'"),
        ("print", {"text": 5}, "'text'"),
        ("print", {"text": "a", "copies": "many"}, "'copies'"),
        ("print", {"text": "a", "copies": 0}, "must be positive"),
        ("print", {"text": "a", "mark": 7}, "'mark'"),
        ("speak", {"volume": 11}, "no argument 'volume'"),
    ],
)
def test_wrong_arguments_are_named(name: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongArguments, match=words):
        call(ToyEmulator().actions, name, arguments)


def test_arguments_are_described_for_a_panel() -> None:
    assert arguments_of(ToyEmulator().actions["print"]) == [
        Argument(name="text", type="str", default=None),
        Argument(name="copies", type="int", default="1"),
    ]
