"""Starts from a crash state as a kiosk does, and compares with what had been promised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from store_forward.store import Store
from store_forward.store.outbox import Standing
from store_forward.store.verify import verify_journal
from tests.crash.notebook import (
    Accepted,
    Answered,
    Note,
    Offered,
    Parked,
    Refused,
    Unknown,
    read_notes,
)
from tests.unit.store.builders import KEY, entry


class Harm(StrEnum):
    """What a crash did that it must not do."""

    LOST = "lost"
    CORRUPT = "corrupt"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Verdict:
    """``harm`` is None when every promise was kept."""

    harm: Harm | None = None
    detail: str = ""


KEPT = Verdict()

Boot = Callable[[Path], Store]
"""Opens the store of a folder as core does when it starts, recovery included."""


@dataclass(frozen=True)
class Promise:
    """A group of entries in the journal. Not ``certain``: there as a whole, or not at all."""

    bodies: tuple[bytes, ...]
    certain: bool


@dataclass
class Promises:
    """Everything that had been promised when the power went."""

    groups: list[Promise]
    acked_seq: int = 0
    parked: frozenset[int] = frozenset()


def promises(notes: Sequence[Note]) -> Promises:
    """Read what was promised from the notes."""
    found = Promises([])
    open_offer: tuple[bytes, ...] | None = None
    for note in notes:
        match note:
            case Offered(bodies=bodies):
                open_offer = bodies
            case Accepted() | Unknown():
                assert open_offer is not None
                found.groups.append(Promise(open_offer, isinstance(note, Accepted)))
                open_offer = None
            case Refused():
                open_offer = None
            case Answered(acked_seq=acked):
                found.acked_seq = max(found.acked_seq, acked)
            case Parked(seq=seq):
                found.parked |= {seq}
    if open_offer is not None:
        found.groups.append(Promise(open_offer, certain=False))
    return found


def judge(folder: Path, notes: Iterable[bytes], boot: Boot) -> Verdict:
    """Start from what lies in the folder, and say whether every promise was kept."""
    promised = promises(read_notes(notes))
    if not promised.groups and not any(folder.iterdir()):
        return KEPT
    try:
        store = boot(folder)
    except Exception as error:  # whatever it is, a kiosk that does not start is the finding
        return Verdict(Harm.UNREADABLE, f"{type(error).__name__}: {error}")
    with store:
        return _judge_open(store, promised)


def _judge_open(store: Store, promised: Promises) -> Verdict:
    bodies = [row.body for row in store.journal.read(0, 1_000_000)]
    try:
        _compare(bodies, promised.groups)
        _check_outbox(store, promised)
        # The journal must also go on from here.
        store.journal.append([entry(999_999_999)])
    except _Broken as broken:
        return broken.verdict
    except Exception as error:
        return Verdict(Harm.CORRUPT, f"{type(error).__name__}: {error}")
    report = verify_journal(store.path, KEY)
    return KEPT if report.ok else Verdict(Harm.CORRUPT, report.render())


class _Broken(Exception):
    def __init__(self, harm: Harm, detail: str) -> None:
        super().__init__(detail)
        self.verdict = Verdict(harm, detail)


def _compare(bodies: Sequence[bytes], groups: Sequence[Promise]) -> None:
    """Every certain group is there in order, an uncertain one whole or not at all, nothing else."""
    at = 0
    for number, group in enumerate(groups):
        there = tuple(bodies[at : at + len(group.bodies)])
        if there == group.bodies:
            at += len(there)
        elif group.certain:
            harm = Harm.LOST if at >= len(bodies) else Harm.CORRUPT
            raise _Broken(
                harm,
                f"group {number} of {len(groups)} was acknowledged as entries {at + 1} to "
                f"{at + len(group.bodies)}; the journal holds {len(bodies)} entries"
                + ("" if harm is Harm.LOST else " and another one there"),
            )
    if at < len(bodies):
        raise _Broken(
            Harm.CORRUPT,
            f"the journal holds {len(bodies)} entries, {at} were acknowledged or on their way",
        )


def _check_outbox(store: Store, promised: Promises) -> None:
    acked = store.outbox.acked_seq()
    if acked < promised.acked_seq:
        raise _Broken(Harm.LOST, f"answered up to {promised.acked_seq}, the store says {acked}")
    if acked > store.journal.head().seq:
        raise _Broken(Harm.CORRUPT, f"acknowledged {acked} entries of {store.journal.head().seq}")
    states = {one.seq: one.state for one in store.outbox.exceptions()}
    lost = sorted(seq for seq in promised.parked if states.get(seq) is not Standing.PARKED)
    if lost:
        raise _Broken(Harm.LOST, f"entries {lost} had been parked")
