"""The disk as of any cut, in every way that a disk may have kept it.

A state has a name, ``<workload>/<recording's seed>/<cut>/<variant>``; with the recording it gives
the same bytes again.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

from tests.crash.blow import Blow
from tests.crash.disk import (
    Change,
    Content,
    Disk,
    Extend,
    Names,
    Resize,
    Survives,
    Write,
    sectors,
)
from tests.crash.operations import Kind
from tests.crash.recording import Files, Recording

Variant = Callable[[Sequence[Change], random.Random], Survives]
"""Decides, for the changes that are not durable, what becomes of each."""

Left = Sequence[Content | Names]


@dataclass(frozen=True)
class CrashState:
    """What a power cut after ``cut`` operations left, and what had been promised by then.

    ``blow`` is what befell the disk then, besides what its workload began with.
    """

    workload: str
    name: str
    cut: int
    files: Files
    notes: tuple[bytes, ...]
    blow: Blow = Blow.POWER_CUT


def _nothing(changes: Sequence[Change], rng: random.Random) -> Survives:
    return lambda change: ()


def _everything(changes: Sequence[Change], rng: random.Random) -> Survives:
    return lambda change: (change.what,)


def _in_order(changes: Sequence[Change], rng: random.Random) -> Survives:
    """All up to some change, which is torn: a disk that keeps the order."""
    end = rng.choice(changes).number if changes else 0
    share = rng.random()

    def survives(change: Change) -> Left:
        if change.number < end:
            return (change.what,)
        if change.number > end:
            return ()
        pieces = _pieces(change)
        return pieces[: round(len(pieces) * share)]

    return survives


def _late(changes: Sequence[Change], rng: random.Random) -> Survives:
    """Only the later changes: a disk that wrote them first."""
    begin = rng.choice(changes).number if changes else 0
    return lambda change: (change.what,) if change.number >= begin else ()


def _some(changes: Sequence[Change], rng: random.Random) -> Survives:
    """Each change or not, as it comes."""
    share = rng.choice((0.1, 0.5, 0.9))
    kept = {change.number for change in changes if rng.random() < share}
    return lambda change: (change.what,) if change.number in kept else ()


def _torn(changes: Sequence[Change], rng: random.Random) -> Survives:
    """Each sector or not, as it comes."""
    share = rng.choice((0.1, 0.5, 0.9))
    return lambda change: tuple(one for one in _pieces(change) if rng.random() < share)


def _journalled(changes: Sequence[Change], rng: random.Random) -> Survives:
    """Names and sizes in order up to some change, data as it comes: a journalling file system."""
    end = rng.choice(changes).number if changes else 0

    def survives(change: Change) -> Left:
        if not isinstance(change.what, Write):
            return (change.what,) if change.number <= end else ()
        return tuple(one for one in _pieces(change) if rng.random() < 0.5)

    return survives


def _sizes(changes: Sequence[Change], rng: random.Random) -> Survives:
    """Names and sizes, but no data: files end in zeros, as after delayed allocation."""

    def survives(change: Change) -> Left:
        what = change.what
        return (Extend(what.offset + len(what.data)) if isinstance(what, Write) else what,)

    return survives


def _data(changes: Sequence[Change], rng: random.Random) -> Survives:
    """Data, but neither names nor cuts: what was removed is back, what was made is missing."""
    return lambda change: () if isinstance(change.what, Names | Resize) else (change.what,)


def _names(changes: Sequence[Change], rng: random.Random) -> Survives:
    """Names alone: what was made is empty, what was removed is gone."""
    return lambda change: (change.what,) if isinstance(change.what, Names) else ()


VARIANTS: dict[str, Variant] = {
    "nothing": _nothing,
    "everything": _everything,
    "in-order": _in_order,
    "late": _late,
    "some": _some,
    "torn": _torn,
    "journalled": _journalled,
    "sizes": _sizes,
    "data": _data,
    "names": _names,
}

_RANDOM = ("in-order", "late", "some", "torn", "journalled")
"""Variants of which a cut has many; they carry a number, as in ``torn3``."""

_ROUNDS = 8
"""How often states that turned out to be the same are replaced by others."""


def _pieces(change: Change) -> Left:
    return tuple(sectors(change.what)) if isinstance(change.what, Write) else (change.what,)


def crash_states(recording: Recording, wanted: int, seed: int) -> Iterator[CrashState]:
    """At most ``wanted`` different states, spread over the recording.

    Two states are different when their bytes are, or what had been promised. A short recording may
    have fewer.
    """
    names = _all_names(recording, random.Random(f"{recording.name}/{seed}"))
    seen: set[bytes] = set()
    for _ in range(_ROUNDS):
        round_ = list(islice(names, wanted - len(seen)))
        for state in states_named(recording, round_):
            digest = _digest(state)
            if digest not in seen:
                seen.add(digest)
                yield state


def _all_names(recording: Recording, rng: random.Random) -> Iterator[str]:
    """Every cut with every variant once, shuffled; then more of those that have many faces."""
    cuts = len(recording.operations) + 1
    names = [f"{cut}/{variant}" for cut in range(cuts) for variant in VARIANTS]
    rng.shuffle(names)
    yield from names
    for number in count(1):
        yield f"{rng.randrange(cuts)}/{rng.choice(_RANDOM)}{number}"


def states_named(recording: Recording, names: Sequence[str]) -> Iterator[CrashState]:
    """The states of these names (``<cut>/<variant>``), by their cuts."""
    disk = Disk(recording.initial, forgets=recording.forgets)
    notes = [recording.notes]
    done = 0
    for cut, variant in sorted((int(name.split("/")[0]), name.split("/")[1]) for name in names):
        for operation in recording.operations[done:cut]:
            disk.apply(operation)
            if operation.kind is Kind.NOTE:
                notes.append(operation.data)
        done = cut
        name = f"{recording.name}/{cut}/{variant}"
        changes = disk.pending()
        survives = VARIANTS[variant.rstrip("0123456789")](changes, random.Random(name))
        yield CrashState(recording.workload, name, cut, disk.survivors(survives), tuple(notes))


def final_state(recording: Recording) -> Files:
    """What the processes themselves saw at the end: must equal the real directory."""
    disk = Disk(recording.initial)
    for operation in recording.operations:
        disk.apply(operation)
    return disk.seen_by_processes()


def _digest(state: CrashState) -> bytes:
    digest = hashlib.blake2b(str(len(state.notes)).encode(), digest_size=16)
    for path, content in sorted(state.files.items()):
        digest.update(f"{path}\0{'-' if content is None else len(content)}\0".encode())
        digest.update(content or b"")
    return digest.digest()
