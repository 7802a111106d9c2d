"""What a durable journal entry costs, next to the least that the disk allows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from firmware.demo.bench.figures import CouldNotMeasure, Figure, Limit, percentile, spread
from firmware.demo.bench.orders import Orders
from store_forward.contract.canonical import encode_entry
from store_forward.store.keys import StoreKey
from store_forward.store.store import Store

METRIC = "durable journal append ÷ raw append + fdatasync"
WARM_UP = 50
PAIRS = 600
LOG_WRAPS_AFTER = 2500
"""Appends after which the database's log has reached its size and is written over, as on any
kiosk but in its first hour: a file that grows costs the disk more per fsync."""
REAL_DISK_SECONDS = 20e-6
"""An fdatasync that takes less did not reach a disk (tmpfs, or write barriers off)."""


def journal_cost(
    folder: Path,
    say: Callable[[str], None],
    pairs: int = PAIRS,
    settle: int = LOG_WRAPS_AFTER,
) -> Figure:
    """Append entries to a journal and, in turn, their bytes to plain files beside it: once to one
    file, once to two, which is the least for a journal that is kept twice.

    The figure is that of the last ``pairs``, after ``settle`` others; the detail tells the cost
    of the first ones in a new store too.

    Raises:
        CouldNotMeasure: the folder is not on a disk.
    """
    folder.mkdir(parents=True)
    orders = Orders("bench", prefix="A")
    journal: list[float] = []
    plain: list[float] = []
    double: list[float] = []
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [os.open(folder / f"plain-{number}.log", flags, 0o600) for number in range(3)]
    key = StoreKey(os.urandom(32).hex())
    say(f"{pairs} journal entries, each beside a raw append of its bytes")
    try:
        with Store.open(folder / "store.db", key, device="bench", create=True) as store:
            for number in range(WARM_UP + settle + pairs):
                entry = orders.lone_note(number)
                body = encode_entry(entry)
                took_plain = _timed(partial(_append, files[:1], body))
                took_double = _timed(partial(_append, files[1:], body))
                took_journal = _timed(partial(store.journal.append, [entry]))
                if number >= WARM_UP:
                    plain.append(took_plain)
                    double.append(took_double)
                    journal.append(took_journal)
    finally:
        for file in files:
            os.close(file)
    fresh = percentile(journal[:pairs], 50) / percentile(plain[:pairs], 50)
    journal, plain, double = journal[-pairs:], plain[-pairs:], double[-pairs:]
    floor = percentile(plain, 50)
    if floor < REAL_DISK_SECONDS:
        raise CouldNotMeasure(
            f"{folder}: an fdatasync takes {floor * 1e6:.0f} µs, so this is no disk; "
            "set TMPDIR to a folder on one"
        )
    return Figure(
        METRIC,
        "×",
        target=2.5,
        measured=percentile(journal, 50) / floor,
        limit=Limit("raw appends to two files", percentile(double, 50) / floor),
        detail=f"journal {spread([one * 1e3 for one in journal], 'ms')}; "
        f"raw {spread([one * 1e3 for one in plain], 'ms')}; "
        f"raw to two files {spread([one * 1e3 for one in double], 'ms')}; {len(body)} bytes each; "
        f"in a new store, until its log has its size, {fresh:.2f} ×",
    )


def _append(files: Sequence[int], body: bytes) -> None:
    for file in files:
        os.write(file, body)
        os.fdatasync(file)


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
