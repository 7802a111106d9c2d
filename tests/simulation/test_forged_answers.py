"""A story that was not random: what the observer takes for a forgery."""

from __future__ import annotations

from tests.simulation.machine import Simulation
from tests.simulation.network import Trouble


def test_a_true_refusal_on_its_way_through_a_forgers_hands_may_be_believed() -> None:
    story = Simulation()
    story.kiosks(count=1, have_met=False)
    story.answer_to_notes_is_lost(count=1, which=0)
    story.gateway_cannot_take_an_entry(entry=1, status=400, which=0)
    story.kiosk_notes(count=1, kind="start", which=0)
    story.receipt_for_notes_is_forged(count=1, forgery=Trouble.RESIGNED, which=0)
    assert story.kiosk(0).core.outbox.parked()
    story.teardown()
