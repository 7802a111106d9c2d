"""Which facts concern money: a lane that holds one of them is handed over before the others."""

from __future__ import annotations

from typing import Final

MONEY_KINDS: Final = frozenset(
    {
        "note_escrowed",
        "note_credited",
        "note_given_back",
        "registration_paid",
        "registration_cancelled",
        "case_opened",
    }
)
"""Kinds of facts (``fact.type``) that tell where money is or who is owed some."""


def concerns_money(kind: str) -> bool:
    """Whether a fact of this kind tells of money. A kind that is not known here does not."""
    return kind in MONEY_KINDS
