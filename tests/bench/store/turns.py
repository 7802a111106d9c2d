"""Contenders take turns, so that noise hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from firmware.demo.bench.orders import Orders
from store_forward.contract.canonical import encode_entry
from store_forward.contract.facts import Entry

Rounds = list[list[float]]
"""Seconds of each put, a list for each round."""

PUTS_PER_TURN = 4
"""Few, so that what one finds, the next one finds too: disturbances last for 10 ms and more."""

TURNS_PER_ROUND = 5

Put = Callable[[Entry, bytes], None]


class Entries:
    """Makes entries of the usual size, or all of one size; no two alike."""

    def __init__(self, change: Callable[[Entry], Entry] = lambda entry: entry) -> None:
        self._orders = Orders("bench", prefix="A")
        self._change = change
        self._made = 0

    def next(self) -> tuple[Entry, bytes]:
        """Another entry and its canonical bytes."""
        self._made += 1
        entry = self._change(self._orders.lone_note(self._made))
        return entry, encode_entry(entry)


def take_turns(
    puts: Mapping[str, Put],
    entries: Entries,
    rounds: int,
    *,
    turns: int = TURNS_PER_ROUND,
    per_turn: int = PUTS_PER_TURN,
    acknowledged: Callable[[str], None] = lambda name: None,
) -> dict[str, Rounds]:
    """Each puts ``per_turn`` entries, then the next one does; a round has ``turns`` of each.

    The order changes: who follows a noisy one is another each time. ``acknowledged`` is called
    after each put, outside of the time that is taken.
    """
    names = list(puts)
    took: dict[str, Rounds] = {name: [[] for _ in range(rounds)] for name in names}
    for turn in range(rounds * turns):
        first = turn % len(names)
        for name in (*names[first:], *names[:first]):
            round_of_it = took[name][turn // turns]
            round_of_it += _turn(name, puts[name], entries, per_turn, acknowledged)
    return took


def settle(puts: Mapping[str, Put], entries: Entries, count: int, names: Sequence[str]) -> None:
    """Let these put so many entries that are not counted, until their logs have their size."""
    for name in names:
        for _ in range(count):
            puts[name](*entries.next())


def _turn(
    name: str, put: Put, entries: Entries, count: int, acknowledged: Callable[[str], None]
) -> list[float]:
    took = []
    for _ in range(count):
        entry, body = entries.next()
        began = time.perf_counter()
        put(entry, body)
        took.append(time.perf_counter() - began)
        acknowledged(name)
    return took
