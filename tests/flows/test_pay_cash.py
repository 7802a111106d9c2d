"""Paying in cash: what is durable before what, and what the patient sees of it."""

from __future__ import annotations

from devices.messages import StackNote
from firmware.messages.views import DoneView, NoteState, PayView, SlipState
from store_forward.contract.facts import (
    NoteCredited,
    NoteEscrowed,
    RegistrationConfirmed,
    RegistrationPaid,
    SlipPrintEnded,
    SlipPrintStarted,
)
from tests.flows.kiosk import Kiosk


def test_the_exact_fee_ends_in_a_paid_registration_with_a_printed_slip(kiosk: Kiosk) -> None:
    kiosk.confirm()  # Dr. Jia, 30 yuan
    kiosk.insert(10)
    kiosk.insert(20)

    done = kiosk.view(DoneView)
    assert (done.paid_fen, done.excess_fen, done.slip) == (3000, 0, SlipState.PRINTED)
    assert done.slip_code == "A-0713-0001-" + done.slip_code[-1]
    assert [type(fact) for fact in kiosk.patient_facts] == [
        RegistrationConfirmed,
        NoteEscrowed,
        NoteCredited,
        NoteEscrowed,
        NoteCredited,
        RegistrationPaid,
        SlipPrintStarted,
        SlipPrintEnded,
    ]
    assert not kiosk.devices.is_accepting


def test_what_was_paid_too_much_goes_to_the_account(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.insert(100)
    assert kiosk.view(DoneView).excess_fen == 7000
    assert kiosk.facts(RegistrationPaid)[0].excess_fen == 7000
    assert "70.00元" in kiosk.slips[0]


def test_a_note_is_stacked_only_after_its_escrow_is_durable(kiosk: Kiosk) -> None:
    kiosk.confirm()
    escrowed_when_told: list[list[NoteEscrowed]] = []
    kiosk.devices.before_tell = lambda command: (
        escrowed_when_told.append(kiosk.facts(NoteEscrowed))
        if isinstance(command, StackNote)
        else None
    )
    kiosk.insert(10)
    assert [len(found) for found in escrowed_when_told] == [1]


def test_collected_counts_stacked_notes_only(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.stacks_at_once = False
    kiosk.insert(10)
    assert kiosk.view(PayView).note is NoteState.STACKING
    assert kiosk.view(PayView).collected_fen == 0
    kiosk.devices.finish_stacking()
    kiosk.deliver()
    assert kiosk.view(PayView).note is NoteState.CREDITED
    assert (kiosk.view(PayView).collected_fen, kiosk.view(PayView).last_note_fen) == (1000, 1000)


def test_a_rejected_note_is_shown_with_its_reason(kiosk: Kiosk) -> None:
    kiosk.confirm()
    kiosk.devices.reject()
    kiosk.deliver()
    assert kiosk.view(PayView).note is NoteState.REJECTED
    assert kiosk.view(PayView).refusal == "invalid_bill"


def test_a_note_far_over_what_is_due_is_given_back_with_a_reason(kiosk: Kiosk) -> None:
    kiosk.limit(largest_note_over_due_fen=2000)
    kiosk.confirm()
    assert kiosk.view(PayView).accepted_fen == (1000, 2000, 5000)
    kiosk.insert(100)
    assert kiosk.devices.given_back == [10000]
    assert kiosk.facts(NoteEscrowed) == []
    assert kiosk.view(PayView).note is NoteState.RETURNED
    assert kiosk.view(PayView).refusal == "limit_over_amount"


def test_a_note_nobody_asked_for_is_given_back(kiosk: Kiosk) -> None:
    kiosk.devices.is_accepting = True
    kiosk.insert(10)
    assert kiosk.devices.given_back == [1000]
    assert kiosk.patient_facts == []
