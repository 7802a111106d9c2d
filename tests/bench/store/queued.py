"""A store in which entries wait by the million: filled, appended to, opened."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from store_forward.contract.facts import Entry, NoteEscrowed
from store_forward.store.keys import StoreKey
from store_forward.store.store import Role, Store
from tests.bench.store.turns import Entries, Put, Rounds, take_turns

GROUP = 2_000
"""Entries of one append while a store is filled."""

APPENDS_BEFORE_DEATH = 200
"""What the log holds when a process that appends dies."""

KEY = StoreKey(os.urandom(32).hex())

Say = Callable[[str], None]


class Openings(msgspec.Struct, frozen=True):
    """Seconds of ``Store.open`` as core does it, after a clean end and after a sudden one."""

    clean: list[float]
    killed: list[float]


class Queued(msgspec.Struct, frozen=True):
    """Puts into the short and into the long queue, and openings of the long one."""

    took: dict[str, Rounds]
    openings: Openings


def compare(root: Path, short: int, long: int, rounds: int, openings: int, say: Say) -> Queued:
    """Fill two stores, append to both in turns, then open the long one."""
    folder = root / "queued"
    folder.mkdir()
    few, many = folder / "few.db", folder / "many.db"
    with filled(few, short, say) as one, filled(many, long, say) as other:
        say(f"appends behind {short:,} and behind {long:,} queued entries")
        appends = {"few": _append_to(one), "many": _append_to(other)}
        entries = Entries()
        take_turns(appends, entries, rounds)  # until both logs are as the small appends make them
        took = take_turns(appends, entries, rounds)
    say(f"opening the store with {long:,} queued entries")
    return Queued(took, _open_again(many, openings))


def _append_to(store: Store) -> Put:
    def put(entry: Entry, _: bytes) -> None:
        store.journal.append([entry])

    return put


def filled(path: Path, count: int, say: Say, role: Role = Role.KEEPER) -> Store:
    """A new store with so many entries that wait."""
    store = Store.open(path, KEY, device="bench", create=True, role=role)
    pattern, _ = Entries().next()
    told = time.monotonic()
    for first in range(0, count, GROUP):
        last = min(first + GROUP, count)
        group = [_numbered(pattern, number) for number in range(first, last)]
        store.journal.append(group)
        if time.monotonic() - told > 5:
            told = time.monotonic()
            say(f"{last:,} of {count:,} entries queued")
    return store


def _numbered(pattern: Entry, number: int) -> Entry:
    """An entry as long as the pattern; making each anew would take longer than keeping it."""
    note_id = f"0199{number:08x}"
    order_id = note_id + pattern.id[len(note_id) :]
    return msgspec.structs.replace(
        pattern,
        id=order_id,
        lane=f"order:{order_id}",
        fact=NoteEscrowed(order_id, order_id, 2000),
        depends_on=(order_id,),
    )


def _open_again(path: Path, times: int) -> Openings:
    _opened(path)  # files into the page cache, modules into the process
    return Openings(
        clean=[_opened(path) for _ in range(times)],
        killed=[_opened_after_death(path) for _ in range(times)],
    )


def _opened(path: Path) -> float:
    began = time.perf_counter()
    store = Store.open(path, KEY, device="bench")
    took = time.perf_counter() - began
    store.close()
    return took


def _opened_after_death(path: Path) -> float:
    victim = multiprocessing.get_context("fork").Process(target=_append_and_die, args=(path,))
    victim.start()
    victim.join()
    return _opened(path)


def _append_and_die(path: Path) -> None:
    store = Store.open(path, KEY, device="bench")
    entries = Entries()
    for _ in range(APPENDS_BEFORE_DEATH):
        store.journal.append([entries.next()[0]])
    os._exit(0)
