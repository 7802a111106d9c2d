"""A story that was not random: a stick's answers come back after the gateway went back in time."""

from __future__ import annotations

from tests.simulation.machine import Simulation


def test_answers_of_a_gateway_that_has_lost_it_again_do_not_end_an_entry() -> None:
    story = Simulation()
    world, errands = story.world, story.world.errands
    kiosk = world.add_kiosk("K1")
    world.back_up()
    story.note(kiosk, "note", 3)
    errands.write_bundle(kiosk)
    errands.take_bundle_in(errands.bundles[0])
    world.restore(world.backups[0])
    while not kiosk.line.asked.startswith("/v1/streams/"):
        world.step(kiosk)
    errands.bring_back(errands.receipts[0], kiosk)
    assert kiosk.core.outbox.acked_seq() == 3, "signed by the gateway, and no longer true"
    story.teardown()
