"""What the lab and every test rely on in an emulated machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.cash_acceptor.emulator import CcnetEmulator
from devices.id_reader.emulator import SamvEmulator
from devices.receipt_printer.emulator import EscposEmulator


class Emulator(Protocol):
    def receive(self, data: bytes, now: float) -> bytes: ...
    def tick(self, now: float) -> bytes: ...
    def state(self) -> dict[str, object]: ...
    @property
    def actions(self) -> dict[str, Callable[..., None]]: ...


Make = Callable[[], Emulator]
ALL: dict[str, Make] = {"ccnet": CcnetEmulator, "escpos": EscposEmulator, "samv": SamvEmulator}
QUESTIONS = {
    "ccnet": bytes.fromhex("02030633DA81"),
    "escpos": bytes((0x10, 0x04, 0x01)),
    "samv": bytes.fromhex("AAAAAA9669000311FFED"),
}
FAULT_MENU = [
    "silence",
    "slow",
    "bytewise",
    "garbage",
    "bad_crc",
    "duplicate_answer",
    "stale_answer",
    "power_cycle",
]

every_emulator = pytest.mark.parametrize("kind", ALL)


@every_emulator
def test_it_answers_a_plain_question_at_once(kind: str) -> None:
    assert ALL[kind]().receive(QUESTIONS[kind], 1.0)


@every_emulator
def test_it_offers_the_whole_fault_menu(kind: str) -> None:
    assert set(FAULT_MENU) <= set(ALL[kind]().actions)


@every_emulator
def test_its_state_is_json_whatever_was_done_to_it(kind: str) -> None:
    machine = ALL[kind]()
    arguments = {"feed": {"amount_yuan": 50}}
    for number, (name, action) in enumerate(machine.actions.items()):
        action(**arguments.get(name, {}))
        machine.tick(float(number))
        json.dumps(machine.state())


@every_emulator
def test_silence_ends(kind: str) -> None:
    machine = ALL[kind]()
    machine.tick(10.0)
    machine.actions["silence"](seconds=5.0)
    assert machine.receive(QUESTIONS[kind], 12.0) == b""
    assert machine.receive(QUESTIONS[kind], 16.0) != b""


@every_emulator
def test_slow_answers_come_later_and_whole(kind: str) -> None:
    prompt, machine = ALL[kind](), ALL[kind]()
    machine.tick(10.0)
    machine.actions["slow"](seconds=5.0, delay_seconds=0.3)
    assert machine.receive(QUESTIONS[kind], 10.0) == b""
    assert machine.tick(10.2) == b""
    assert machine.tick(10.31) == prompt.receive(QUESTIONS[kind], 10.0)


@every_emulator
def test_bytewise_answers_trickle(kind: str) -> None:
    whole = ALL[kind]().receive(QUESTIONS[kind], 10.0)
    machine = ALL[kind]()
    machine.tick(10.0)
    machine.actions["bytewise"](seconds=5.0)
    pieces = [machine.receive(QUESTIONS[kind], 10.0)]
    pieces += [machine.tick(10.0 + step * 0.001) for step in range(1, 200)]
    assert b"".join(pieces) == whole
    assert max(map(len, pieces)) == 1


@every_emulator
def test_nothing_is_heard_while_the_power_is_off(kind: str) -> None:
    machine = ALL[kind]()
    machine.tick(10.0)
    machine.actions["power_cycle"](off_seconds=2.0)
    machine.receive(QUESTIONS[kind], 11.0)
    assert machine.tick(11.5) == b""
    assert machine.receive(QUESTIONS[kind], 13.0) != b""


@every_emulator
@given(junk=st.lists(st.binary(max_size=64), max_size=20))
def test_no_bytes_break_it(kind: str, junk: list[bytes]) -> None:
    machine = ALL[kind]()
    for number, data in enumerate(junk):
        machine.receive(data, float(number))
    machine.tick(1e6)
    json.dumps(machine.state())


@pytest.mark.parametrize(
    ("machine", "action", "arguments"),
    [
        (CcnetEmulator(), "feed", {"amount_yuan": 7}),
        (SamvEmulator(), "lay_card", {"preset": "nobody"}),
        (SamvEmulator(), "lay_card", {"colour": "blue"}),
    ],
)
def test_impossible_actions_say_what_would_be_possible(
    machine: Emulator, action: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"\[|\("):
        machine.actions[action](**arguments)
