"""Every way in which it can become unknown where a note is, and how each ends (M11).

However a payment is interrupted, in the end every note in the cassette is credited to its order,
owed by a slip, or in a case; every case has a code for the patient, and is a case at the gateway.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.messages import NoteStacked, PrintOutcome
from firmware.messages.intents import CancelPayment, ReallyCancel
from firmware.messages.views import CaseView, DoneView, PayView, SlipState
from store_forward.contract.facts import (
    CaseOpened,
    NoteCredited,
    RegistrationCancelled,
    RegistrationPaid,
)
from tests.fakes.fake_devices import ACCEPTOR
from tests.fakes.journal_of import JournalOf
from tests.flows.kiosk import Crash, Kiosk
from tests.unit.gateway.bench import KIOSK, GatewayBench

UNTIL_ALL_IS_OVER_SECONDS = 600


def stacker_is_silent(kiosk: Kiosk) -> None:
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    kiosk.wait(100)


def acceptor_does_not_know(kiosk: Kiosk) -> None:
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    kiosk.devices.lose_note()
    kiosk.wait(40)


def devices_never_come_back(kiosk: Kiosk) -> None:
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    kiosk.lose_devices()
    kiosk.wait(100)
    kiosk.devices.lose_note()
    kiosk.connect()


def power_goes_before_the_credit(kiosk: Kiosk) -> None:
    kiosk.devices.insert(1000)
    kiosk.crash_at("before append", times=2)  # of the escrow, of the credit
    with pytest.raises(Crash):
        kiosk.deliver()
    kiosk.crash()


def power_goes_after_the_credit(kiosk: Kiosk) -> None:
    kiosk.devices.insert(1000)
    kiosk.crash_at("after append", times=2)
    with pytest.raises(Crash):
        kiosk.deliver()
    kiosk.crash()


def power_goes_for_all_while_a_note_is_stacked(kiosk: Kiosk) -> None:
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    kiosk.drop()
    kiosk.devices.restart()
    kiosk.devices.finish_stacking()
    kiosk.start()


def power_goes_and_the_note_with_it(kiosk: Kiosk) -> None:
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    kiosk.drop()
    kiosk.devices.lose_note()
    kiosk.devices.restart()
    kiosk.start()


def journal_cannot_say_of_the_escrow(kiosk: Kiosk) -> None:
    kiosk.journal.fails_after_next_append = True
    kiosk.insert(10)
    gets_going(kiosk)


def journal_cannot_say_of_the_credit(kiosk: Kiosk) -> None:
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    kiosk.journal.fails_after_next_append = True
    kiosk.devices.finish_stacking()
    kiosk.deliver()
    gets_going(kiosk)


def journal_takes_nothing_while_a_note_is_stacked(kiosk: Kiosk) -> None:
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    kiosk.journal.is_broken = True
    kiosk.devices.finish_stacking()
    kiosk.deliver()
    kiosk.journal.is_broken = False
    gets_going(kiosk)


def journal_cannot_say_of_the_case(kiosk: Kiosk) -> None:
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    kiosk.devices.lose_note()
    kiosk.wait(29)
    kiosk.journal.fails_after_next_append = True
    kiosk.wait(20)
    gets_going(kiosk)


def stacked_after_the_cancel(kiosk: Kiosk) -> None:
    kiosk.devices.loses_stack_commands = 1
    kiosk.insert(10)
    kiosk.lose_devices()
    kiosk.connect()
    kiosk.touch(CancelPayment(), ReallyCancel())
    kiosk.devices.cassette.append(1000)
    kiosk.devices.say(NoteStacked(ACCEPTOR, "note-1", 1000))
    kiosk.deliver()


def stacked_out_of_the_blue(kiosk: Kiosk) -> None:
    kiosk.devices.stack_out_of_the_blue(1000)
    kiosk.deliver()


def printer_cannot_say(kiosk: Kiosk) -> None:
    kiosk.devices.prints_at_once = False
    kiosk.insert(10)
    kiosk.insert(20)
    kiosk.devices.finish_print(PrintOutcome.UNKNOWN)
    kiosk.deliver()
    assert kiosk.view(DoneView).slip is SlipState.UNCERTAIN


def printer_never_answers(kiosk: Kiosk) -> None:
    kiosk.devices.prints_at_once = False
    kiosk.insert(10)
    kiosk.insert(20)
    kiosk.wait(61)
    assert kiosk.view(DoneView).slip is SlipState.UNCERTAIN


def printer_cannot_say_of_a_case(kiosk: Kiosk) -> None:
    kiosk.devices.prints_at_once = False
    acceptor_does_not_know(kiosk)
    kiosk.devices.finish_print(PrintOutcome.UNKNOWN)
    kiosk.deliver()
    assert kiosk.view(CaseView).slip is SlipState.UNCERTAIN


def gets_going(kiosk: Kiosk) -> None:
    """What the service does once the journal can be read again."""
    assert kiosk.runner.recover()
    kiosk.lose_devices()
    kiosk.connect()


@dataclass(frozen=True)
class Way:
    """What happens once a patient is to pay 30 yuan, and the case it must end in, if any."""

    happens: Callable[[Kiosk], None]
    case: str = ""


WAYS = (
    Way(stacker_is_silent, "note_uncertain"),
    Way(acceptor_does_not_know, "note_uncertain"),
    Way(devices_never_come_back, "note_uncertain"),
    Way(power_goes_before_the_credit),
    Way(power_goes_after_the_credit),
    Way(power_goes_for_all_while_a_note_is_stacked),
    Way(power_goes_and_the_note_with_it, "note_uncertain"),
    Way(journal_cannot_say_of_the_escrow),
    Way(journal_cannot_say_of_the_credit),
    Way(journal_takes_nothing_while_a_note_is_stacked),
    Way(journal_cannot_say_of_the_case, "note_uncertain"),
    Way(stacked_after_the_cancel, "note_stacked_late"),
    Way(stacked_out_of_the_blue, "note_without_order"),
    Way(printer_cannot_say),
    Way(printer_never_answers),
    Way(printer_cannot_say_of_a_case, "note_uncertain"),
)


@pytest.fixture(name="way", params=WAYS, ids=lambda way: str(way.happens.__name__))
def _way(request: pytest.FixtureRequest) -> Way:
    way: Way = request.param
    return way


@pytest.fixture(name="ended")
def _ended(kiosk: Kiosk, way: Way) -> Kiosk:
    """A kiosk on which this has happened, and every wait is over."""
    kiosk.confirm()
    way.happens(kiosk)
    kiosk.wait(UNTIL_ALL_IS_OVER_SECONDS)
    return kiosk


def test_uncertain_money_ends_in_the_expected_case_with_a_code(ended: Kiosk, way: Way) -> None:
    cases = ended.facts(CaseOpened)
    assert [case.reason for case in cases] == ([way.case] if way.case else [])
    assert all(case.slip_code for case in cases)


def test_every_note_in_the_cassette_has_an_end(ended: Kiosk) -> None:
    credited = sum(fact.amount_fen for fact in ended.facts(NoteCredited))
    assert credited == sum(ended.devices.cassette)
    paid = sum(fact.collected_fen for fact in ended.facts(RegistrationPaid))
    owed = sum(fact.owed_fen for fact in ended.facts(RegistrationCancelled))
    in_cases = sum(fact.amount_fen for fact in ended.facts(CaseOpened))
    assert credited <= paid + owed + in_cases
    assert all(fact.slip_code for fact in ended.facts(RegistrationCancelled) if fact.owed_fen)


def test_nobody_is_kept_before_a_screen_that_waits_for_ever(ended: Kiosk) -> None:
    assert not isinstance(ended.screen.view, PayView)
    assert ended.state.out_of_service is None


def test_each_case_is_a_case_at_the_gateway(ended: Kiosk, tmp_path: Path) -> None:
    journal = JournalOf(KIOSK)
    for body in ended.journal.bodies:
        journal.append_raw(body)
    bench = GatewayBench(tmp_path / "gateway.db")
    try:
        for _ in range(2):  # the answer is lost once
            answer = bench.send(journal)
        assert answer.receipt.ack_seq == len(journal.bodies)
        codes = {row["slip_code"] for row in bench.rows()["cases"]}
    finally:
        bench.close()
    assert {case.slip_code for case in ended.facts(CaseOpened)} <= codes
