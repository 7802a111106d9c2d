"""A card that still lies on the reader after its session: it must not greet the next patient."""

from __future__ import annotations

from dataclasses import replace

from firmware.core.state import LeftCard, State
from firmware.core.world import World

LEFT_CARD_SECONDS = 600.0
"""How long a card left on the reader is not taken for the next patient's where nobody watched it:
the reader, the devices process or core may have restarted meanwhile."""


def leave_card(state: State, world: World) -> State:
    """Remember that a card lies on the reader: its session ends, or the reader is lost."""
    if state.card is None:
        return state
    return replace(state, left_card=left_behind(state.card, world))


def left_behind(patient_key: str, world: World) -> LeftCard:
    """The patient's card, left from now on."""
    return LeftCard(patient_key, world.now + LEFT_CARD_SECONDS)


def is_left(state: State, patient_key: str, world: World) -> bool:
    """Whether a card that was just read is one left behind, not one laid down by a new patient.

    A card that was seen lying and not seen lifted is, however long it lies.
    """
    left = state.left_card
    if left is None or left.patient_key != patient_key:
        return False
    return state.card == patient_key or world.now < left.until
