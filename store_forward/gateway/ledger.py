"""Double-entry postings of the facts that move money. Pure.

Debits are positive, credits negative, in fen; every posting list sums to zero.

=========================  ==================================  ============================
fact                       debit                               credit
=========================  ==================================  ============================
note credited              ``cash_box:<device>``               ``suspense:<order>``
note of no order           ``cash_box:<device>``               ``suspense:unassigned:<device>``
registration paid          ``suspense:<order>`` (collected)    ``revenue:registration`` (fee)
                                                               ``account:<patient>`` (excess)
registration cancelled     ``suspense:<order>`` (owed)         ``payable:<slip code>``
=========================  ==================================  ============================
"""

from __future__ import annotations

from dataclasses import dataclass

REVENUE = "revenue:registration"


@dataclass(frozen=True)
class Posting:
    """One line: debit positive, credit negative."""

    account: str
    amount_fen: int


def cash_box(device: str) -> str:
    """The notes in a kiosk's cassette."""
    return f"cash_box:{device}"


def suspense(order_id: str | None, device: str) -> str:
    """Money taken whose purpose is not settled yet."""
    return f"suspense:{order_id}" if order_id is not None else f"suspense:unassigned:{device}"


def account(patient_number: str) -> str:
    """What the hospital holds for a patient (就诊账户余额)."""
    return f"account:{patient_number}"


def payable(slip_code: str) -> str:
    """What the counter pays out to the bearer of a slip."""
    return f"payable:{slip_code}"


def note_credited(device: str, order_id: str | None, amount_fen: int) -> tuple[Posting, ...]:
    """A note is in the cassette."""
    return _move(cash_box(device), suspense(order_id, device), amount_fen)


def registration_paid(
    device: str, order_id: str, patient_number: str, fee_fen: int, excess_fen: int
) -> tuple[Posting, ...]:
    """The fee is covered; what is left goes to the patient's account."""
    taken = suspense(order_id, device)
    return _move(taken, REVENUE, fee_fen) + _move(taken, account(patient_number), excess_fen)


def registration_cancelled(
    device: str, order_id: str, slip_code: str, owed_fen: int
) -> tuple[Posting, ...]:
    """What was stacked is owed to the patient."""
    return _move(suspense(order_id, device), payable(slip_code), owed_fen)


def _move(debit: str, credit: str, amount_fen: int) -> tuple[Posting, ...]:
    if amount_fen < 0:
        raise ValueError(f"a posting of {amount_fen} fen: the sign says who is debited, not this")
    if amount_fen == 0:
        return ()
    return (Posting(debit, amount_fen), Posting(credit, -amount_fen))
