"""A story that was not random: what staff decide after the gateway was restored from a backup."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select

from store_forward.contract.facts import NoteCredited
from store_forward.contract.resolutions import Verdict
from store_forward.gateway.tables import inbox
from tests.simulation.kiosk import Kiosk
from tests.simulation.machine import Simulation
from tests.simulation.world import World


@pytest.fixture(name="world")
def _world() -> Iterator[World]:
    story = Simulation()
    yield story.world
    story.teardown()


@pytest.fixture(name="kiosk")
def _kiosk(world: World) -> Kiosk:
    return world.add_kiosk("K1")


def record_a_note(world: World, kiosk: Kiosk) -> str:
    (entry,) = kiosk.record(NoteCredited(None, world.numbers.new_id(), 1000))
    world.observer.learn(kiosk)
    return entry.id


def step_until(world: World, kiosk: Kiosk, is_reached: Callable[[], bool]) -> None:
    for _ in range(300):
        if is_reached():
            return
        world.step(kiosk)
    raise AssertionError("not reached")


def test_a_decision_made_again_after_a_restore_reaches_the_kiosk(
    world: World, kiosk: Kiosk
) -> None:
    record_a_note(world, kiosk)
    step_until(world, kiosk, lambda: not kiosk.core.outbox.backlog().count)
    world.back_up()
    refused = record_a_note(world, kiosk)
    world.hospital.poison[f'"id":"{refused}"'.encode()] = 422
    step_until(world, kiosk, lambda: bool(world.parked_cases()))
    world.decide(Verdict.SETTLED, 0)
    step_until(world, kiosk, lambda: not kiosk.core.outbox.backlog().count)
    world.restore(world.backups[0])
    step_until(world, kiosk, lambda: bool(world.parked_cases()))
    world.decide(Verdict.SETTLED, 0)
    record_a_note(world, kiosk)
    step_until(world, kiosk, lambda: not kiosk.core.outbox.backlog().count)
    assert len({each.number for each in kiosk.core.resolutions.all()}) == 2


@pytest.mark.parametrize("verdict", [Verdict.SETTLED, Verdict.RESEND])
def test_what_was_settled_before_a_restore_waits_for_somebody_to_decide_again(
    world: World, kiosk: Kiosk, verdict: Verdict
) -> None:
    """Staff have booked it by hand; that its cause is mended since must not book it twice."""
    record_a_note(world, kiosk)
    step_until(world, kiosk, lambda: not kiosk.core.outbox.backlog().count)
    world.back_up()
    refused = record_a_note(world, kiosk)
    world.hospital.poison[f'"id":"{refused}"'.encode()] = 422
    step_until(world, kiosk, lambda: bool(world.parked_cases()))
    world.decide(Verdict.SETTLED, 0)
    step_until(world, kiosk, lambda: not kiosk.core.outbox.backlog().count)
    world.restore(world.backups[0])
    world.hospital.poison.clear()
    step_until(world, kiosk, lambda: bool(world.parked_cases()))
    world.watch.seconds += 86_400.0
    for _ in range(50):
        world.step(kiosk)
    (standout,) = kiosk.core.outbox.parked()
    assert (standout.code, kiosk.core.outbox.backlog().count) == ("decided_before", 1)
    world.decide(verdict, 0)
    step_until(world, kiosk, lambda: not kiosk.core.outbox.backlog().count)
    booked = world.hospital.rows(select(inbox).where(inbox.c.entry_id == refused))
    assert len(booked) == (1 if verdict is Verdict.RESEND else 0)
