"""The next tick of core: asked for anew on every look, never forgotten."""

from __future__ import annotations

from firmware.core.ticks import NextTick


def test_a_tick_that_fell_due_between_two_looks_is_not_replaced_by_a_later_one() -> None:
    tick = NextTick()
    tick.expect(105.0)
    tick.expect(160.0)  # at 105.2 the moment at 105 is past, and only the full minute is to come
    assert tick.take(105.2)


def test_a_tick_is_taken_once() -> None:
    tick = NextTick()
    tick.expect(105.0)
    assert not tick.take(104.9)
    assert tick.take(105.0)
    assert not tick.take(500.0)


def test_the_loop_sleeps_until_the_tick_and_never_longer_than_it_polls() -> None:
    tick = NextTick()
    assert tick.seconds_left(100.0, at_most=0.5) == 0.5
    tick.expect(100.2)
    assert round(tick.seconds_left(100.0, at_most=0.5), 3) == 0.2
    assert tick.seconds_left(101.0, at_most=0.5) == 0.0
